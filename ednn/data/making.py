"""How a data set is made from its config, whose values have the types that the class asks for."""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from ednn.core.errors import InputError
from ednn.data.module import ExtensiveData

# A value of each type, and several, in words.
WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    bool: ("true or false", "true or false"),
    NoneType: ("null", "null"),
}


def make_dataset(config: DictConfig) -> ExtensiveData:
    """Make the data set of the group `data`; nothing is read yet.

    Raises:
        InputError: no class is named, or a value is of another type than its argument.

    Example:
        >>> make_dataset(DictConfig({"path": "a.h5"}))
        Traceback (most recent call last):
        ednn.core.errors.InputError: data has no _target_, which says what class reads it; ...
    """
    if "_target_" not in config:
        raise InputError(
            "data has no _target_, which says what class reads it; begin the file with the "
            "defaults of another, such as `defaults: [hdf5]`."
        )
    try:
        data: ExtensiveData = instantiate(config, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise InputError(str(error.__cause__)) from error  # says more than the type
        require_types(config)
        raise
    require_types(config)
    return data


def require_types(config: DictConfig) -> None:
    """Refuse settings of other types than the arguments that they are for.

    Raises:
        InputError: names the setting, its value and what it may be.

    Example:
        >>> require_types(DictConfig({"_target_": "ednn.data.fields.ising.IsingData", "J": "abc"}))
        Traceback (most recent call last):
        ednn.core.errors.InputError: data.J=abc is not possible; give a number.
    """
    try:
        hints = hints_of(get_object(config._target_))
    except (ImportError, ValueError):
        return  # which Hydra tells when it makes the class
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    for name, value in settings.items():
        made = isinstance(value, dict) and "_target_" in value
        if name in hints and judged(hints[name]) and not made and not fits(value, hints[name]):
            raise InputError(f"data.{name}={value} is not possible; give {in_words(hints[name])}.")


def hints_of(maker: Any) -> dict[str, Any]:
    """Return the types of a function's arguments, or of a class's and its bases'.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> hints_of(IsingData)["batch_size"]
        <class 'int'>
    """
    if not isinstance(maker, type):
        return get_type_hints(maker)
    bases = [base for base in reversed(maker.__mro__) if "__init__" in vars(base)]
    return {
        k: hint for base in bases[1:] for k, hint in get_type_hints(vars(base)["__init__"]).items()
    }


def judged(hint: Any) -> bool:
    """Tell whether a type is one of plain values, as a config holds them.

    Example:
        >>> from pathlib import Path
        >>> judged(list[int] | None), judged(Path), judged(tuple[int, int])
        (True, False, False)
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType) or (origin in (list, Sequence) and arguments):
        return all(judged(argument) for argument in arguments)
    return hint in WORDS or origin in (dict, Mapping)


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of a type, without conversion; a whole number is a number.

    Example:
        >>> fits(3, float), fits("3", float), fits([1, 2], list[int])
        (True, False, True)
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError  # takes a while to import

    try:
        TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError:
        return False
    return True


def in_words(hint: Any, several: bool = False) -> str:
    """Say in plain words what values a type has.

    Example:
        >>> in_words(Sequence[float] | None)
        'a list of numbers or null'
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(in_words(argument, several) for argument in arguments)
    if origin in (list, Sequence):
        return f"{'lists' if several else 'a list'} of {in_words(arguments[0], several=True)}"
    if origin in (dict, Mapping):
        return "mappings" if several else "a mapping"
    return WORDS[hint][several]
