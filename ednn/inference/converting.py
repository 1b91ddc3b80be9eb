"""The command `convert`: the atoms of a large structure are sorted, for predictions in parts."""

from pathlib import Path

from omegaconf import DictConfig

from ednn.data.structures.converting import convert as convert_file
from ednn.inference.outputs import held, require_free, require_output
from ednn.inference.settings import require_switches

ENDINGS = (".h5", ".hdf5")


def convert(cfg: DictConfig) -> None:
    """Convert the file of `input` into the one of `output`.

    Example:
        ednn convert input=sheet.traj output=sheet.h5
    """
    require_switches(cfg, ["overwrite"])
    output = Path(cfg.output)
    require_output(cfg, ENDINGS, [output])
    require_free(cfg, [output])
    with held(output):
        convert_file(Path(cfg.input), output)
    print(f"Sorted atoms: {output}")
