"""Trained networks that come with the package: a checkpoint and a model card each."""

from pathlib import Path

from ednn.core.errors import InputError

FOLDER = Path(__file__).parent


def located(path: str | Path) -> Path:
    """Return the file of a checkpoint; of a run's folder, its best or, without one, its last.

    pretrained/NAME is one that comes with the package, unless the working folder has such a file.

    Raises:
        InputError: no network of that name comes with the package.

    Example:
        >>> located("RUN/checkpoints/best.ckpt").name
        'best.ckpt'
        >>> located("pretrained/graphene-hbn-gfn1").name
        'graphene-hbn-gfn1.ckpt'
    """
    path = Path(path)
    for name in ("best.ckpt", "last.ckpt"):  # without validation there is no best
        if (own := path / "checkpoints" / name).is_file():
            return own
    if path.parent != Path("pretrained") or path.exists():
        return path
    found = {file.stem: file for file in sorted(FOLDER.glob("*.ckpt"))}
    if path.name not in found:
        raise InputError(
            f"There is no pretrained network {path.name}; the package has {', '.join(found)}."
        )
    return found[path.name]


def require_checkpoint(path: str | Path) -> Path:
    """Return the file of a checkpoint, as `located` does, if it is there.

    Raises:
        InputError: it isn't.

    Example:
        >>> require_checkpoint("pretrained/graphene-hbn-gfn1").name
        'graphene-hbn-gfn1.ckpt'
    """
    path = located(path)
    if not path.is_file():
        near = [*path.glob("checkpoints/*.ckpt"), *path.parent.glob("*.ckpt")]
        example = min(near, default=Path("RUN/checkpoints/best.ckpt"))
        raise InputError(f"There is no checkpoint {path}; give one such as {example}.")
    return path
