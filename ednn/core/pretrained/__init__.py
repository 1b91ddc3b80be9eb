"""Trained networks that come with the package: a checkpoint and a model card each."""

from pathlib import Path

from ednn.core.errors import InputError

FOLDER = Path(__file__).parent


def located(path: str | Path) -> Path:
    """Return the file of a checkpoint; of a run's folder, that is its best.

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
    if (best := path / "checkpoints" / "best.ckpt").is_file():
        return best
    if path.parent != Path("pretrained") or path.exists():
        return path
    found = {file.stem: file for file in sorted(FOLDER.glob("*.ckpt"))}
    if path.name not in found:
        raise InputError(
            f"There is no pretrained network {path.name}; the package has {', '.join(found)}."
        )
    return found[path.name]
