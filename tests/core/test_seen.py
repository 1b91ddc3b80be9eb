"""Fields of values that a model was never trained on are refused, or warned of."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ednn.core.build import build_model
from ednn.core.checkpoint import KEY, build_from, describe
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, unnamed_outputs
from ednn.core.interface import ExtensiveModel
from ednn.core.seen import SeenValues

GENERATOR = torch.Generator().manual_seed(0)
SPINS = 2.0 * torch.randint(2, (50, 1, 8, 8), generator=GENERATOR) - 1
NOISE = torch.rand((50, 1, 8, 8), generator=GENERATOR) * 20  # 0 to 20
SMALL = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 2, "context": 1}


def trained_on(fields: Tensor, alphabet: tuple[float, ...] | None = None) -> ExtensiveModel:
    """A model as it is loaded after a training on these fields."""
    model = build_model(SMALL, DatasetInfo(unnamed_outputs(1), alphabet=alphabet))
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    about = describe(model, {"values": SeenValues.of(fields).to_plain()})
    return build_from({"state_dict": state, KEY: about})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((SPINS + 1) / 2, ["holds 0", "of -1 and 1", "convert x to 2 x − 1", "extrapolate=true"]),
        (torch.ones_like(SPINS).index_fill(3, torch.tensor(0), 255), ["255", "signed ones (int8)"]),
        (SPINS * 2, ["-1 and 1", "convert them"]),
        (SPINS * 0.99, ["0.99"]),
        (SPINS * torch.nan, ["nan"]),
    ],
)
@pytest.mark.parametrize("alphabet", [None, (-1.0, 1.0)])
def test_other_spellings_of_spins_are_refused(
    given: Tensor, words: list[str], alphabet: tuple[float, ...] | None
) -> None:
    model = trained_on(SPINS, alphabet)
    model(SPINS), model(SPINS[:1]), model(torch.ones(1, 1, 16, 16))
    with pytest.raises(InputError) as error:
        model(given)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_zeros_and_ones_are_spins_where_the_training_had_them() -> None:
    model = trained_on((SPINS + 1) / 2)
    model((SPINS + 1) / 2)
    with pytest.raises(InputError, match=r"convert x to \(x \+ 1\) / 2"):
        model(SPINS)


def test_a_checkpoint_without_values_knows_its_alphabet() -> None:
    model = build_model(SMALL, DatasetInfo(unnamed_outputs(1), alphabet=(-1.0, 1.0)))
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    old = build_from({"state_dict": state, KEY: describe(model, {})})
    old(SPINS)
    with pytest.raises(InputError, match="of -1 and 1 alone"):
        old(SPINS + 1)
    model(SPINS + 1)  # one that was never trained refuses nothing


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (NOISE * 27.2, "to 543.*, but those of the training had values from .*"),
        (NOISE + 273.15, "to 293"),
        (-NOISE - 10, "values from -29"),
    ],
)
def test_fields_in_other_units_are_refused(given: Tensor, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trained_on(NOISE)(given)


@pytest.mark.parametrize("given", [NOISE * 1.4, NOISE / 27211])
def test_unusual_fields_are_warned_of(given: Tensor) -> None:
    with pytest.warns(UserWarning, match="are they in the same units"):
        trained_on(NOISE)(given)


@pytest.mark.parametrize("given", [NOISE * 1.1, NOISE[:, :, :2, :2], torch.full((1, 1, 8, 8), 7.0)])
def test_usual_fields_go_without_a_word(given: Tensor) -> None:
    trained_on(NOISE)(given)


def test_rounding_to_single_precision_is_no_other_range() -> None:
    fields = 1e6 + 1e-3 * NOISE.double()
    SeenValues.of(fields).require(fields.float())


def test_every_channel_has_its_own_range() -> None:
    both = torch.cat([NOISE, 1000 * NOISE], 1)
    seen = SeenValues.of(both)
    seen.require(both[:3])
    with pytest.raises(InputError, match="in channel 0"):
        seen.require(both.flip(1))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (SPINS, (-1.0, 1.0)),
        (torch.arange(6.0).repeat(100).view(1, 1, 20, 30), tuple(map(float, range(6)))),
        (torch.arange(6.0).view(1, 1, 2, 3), None),  # too few to tell
        (torch.arange(256.0).repeat(100).view(1, 1, 160, 160), None),
        (NOISE, None),
    ],
)
def test_few_values_are_an_alphabet(fields: Tensor, expected: Any) -> None:
    seen = SeenValues.of(fields)
    assert seen.values == expected
    assert SeenValues.from_plain(seen.to_plain()) == seen
