"""Where a network's sensitivity to the position of its pixels comes from, and what shifts remove.

Test structures of `experiment=dft` are moved against the pixels: anywhere in a block (the period of
the network's stride), by whole pixels, which changes no rendered value but its place in a block,
and with fields whose waves beyond the pixels' reach are cut off before they are sampled, so that
rendering itself adds nothing. What is left of the sensitivity after means over several shifts
tells which waves of the position it is made of.

Run as `OMP_NUM_THREADS=1 python -m benchmarks.pixels [CHECKPOINT …]`.
"""

import argparse
from collections.abc import Iterable

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from benchmarks.timing import machine
from ednn.core.loading import load_structure_model
from ednn.core.renderer import Renderer
from ednn.core.shifts import moved, shift_lattice
from ednn.core.structure_batch import StructureBatch
from ednn.core.structure_model import StructureModel
from ednn.runs.configs import CONF
from ednn.training.train import make_data

FINER = 4  # times as many pixels, from which waves are cut off
PLACES = 12  # random positions of the pixels
STAY = torch.zeros(1, 2)
CORNERS = torch.cartesian_prod(torch.arange(2.0), torch.arange(2.0))  # of a block of 2² pixels


class Sheets:
    """Energies per atom of some structures in meV, wherever the pixels lie."""

    def __init__(self, model: StructureModel, structures: StructureBatch, atoms: Tensor) -> None:
        self.model, self.structures, self.atoms = model, structures, atoms
        self.pixel = torch.tensor(model.info.pixel, dtype=torch.float64)

    def energies(self, shift: Tensor, cut: bool = False) -> Tensor:
        """Return energies (B,) of the structures moved by some pixels (2,)."""
        there = moved(self.structures, shift.double() * self.pixel)
        with torch.no_grad():
            field = self.cut_off(there) if cut else self.model.field(there)
            energy: Tensor = self.model.field_model(field)[:, 0]
        return 1000 * energy.double() / self.atoms

    def cut_off(self, structures: StructureBatch) -> Tensor:
        """Render on finer pixels and drop the waves that the network's own can't hold."""
        info = self.model.info
        finer = Renderer(
            info.species, [p / FINER for p in info.pixel], info.gamma, info.per_element
        )
        waves = torch.fft.fft2(finer.field(structures).double())  # (B, C, H, W)
        height, width = (side // FINER for side in waves.shape[-2:])
        rows, columns = (torch.fft.fftfreq(n, 1 / n).long() for n in (height, width))
        kept = waves[..., rows[:, None], columns]
        return torch.fft.ifft2(kept).real.float() / FINER**2

    def spread(self, places: Iterable[Tensor], over: Tensor = STAY, cut: bool = False) -> float:
        """Return the standard deviation over places of the energies' means over shifts (n, 2)."""
        means = [torch.stack([self.energies(p + s, cut) for s in over]).mean(0) for p in places]
        return float(torch.stack(means).var(0).mean().sqrt())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="*", default=["pretrained/graphene-hbn-gfn1"])
    parser.add_argument("--every", type=int, default=160, help="of the test structures, one")
    given = parser.parse_args()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        data = make_data(compose("train", ["experiment=dft"]))
    some = torch.from_numpy(data.splits["test"][:: given.every])
    inputs, atoms = data.dataset.inputs(some), data.dataset.sites[some].double()
    places = 2 * torch.from_numpy(np.random.default_rng(0).random((PLACES, 2)))
    print(f"Standard deviations in meV per atom, {len(some)} structures. {machine()}\n")
    print("| network | moved | standard deviation |\n| --- | --- | --- |")
    for path in given.checkpoints:
        sheets = Sheets(load_structure_model(path), inputs, atoms)
        found = {
            "anywhere": sheets.spread(places),
            "anywhere, waves cut off": sheets.spread(places, cut=True),
            "by whole pixels": sheets.spread(CORNERS),
            "anywhere, means over whole pixels": sheets.spread(places, over=CORNERS),
            **{
                f"anywhere, shifts={n}": sheets.spread(places, over=2 * shift_lattice(n))
                for n in (2, 3, 5, 8)
            },
        }
        for name, value in found.items():
            print(f"| {path} | {name} | {value:.3g} |", flush=True)


if __name__ == "__main__":
    main()
