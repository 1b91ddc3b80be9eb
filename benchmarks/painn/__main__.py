"""Train PaiNN on what an experiment has, for a given time; its errors and speed, and ours."""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import schnetpack as spk
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from schnetpack import properties as key
from schnetpack.data import AtomsLoader
from torch import Tensor, nn
from tqdm import tqdm

from ednn import load_model
from ednn.core.normalisation import fit_references
from ednn.data.samples import ExtensiveDataset
from ednn.physics.labels import as_atoms, resolve
from ednn.runs.folder import environment, write_json

SEED = 0  # of the split, as in conf/, and of the weights
WARM_UP = 0.05  # share of the time until the rate is at its highest
BATCHES = (8, 32, 128)  # structures at a time, tried for inference
OURS = {"EDNN": False, "EDNN, bfloat16": True}  # as predict.py, without and with bfloat16=true
TIMED, ROUNDS = 256, 7  # structures, and passes over them at each batch size

Sample = dict[str, Tensor]  # a structure, or several collated, by SchNetPack's names


class StructureJob:
    """The structures of an experiment as SchNetPack wants them; energies by their spread."""

    def __init__(self, experiment: str, cutoff: float) -> None:
        with initialize_config_dir(str(Path("conf").absolute()), version_base="1.3"):
            self.data = instantiate(
                compose("train", [f"experiment={experiment}", f"seed={SEED}"]).data
            )
        self.data.setup()
        self.labels, self.splits = self.data.labels, self.data.splits
        self.theory = resolve(self.data.wanted)
        self.neighbours = spk.transform.MatScipyNeighborList(cutoff)
        is_of = self.labels.numbers[:, None] == np.unique(self.labels.numbers)  # (atoms, species)
        counts = torch.from_numpy(np.add.reduceat(is_of, self.labels.offsets[:-1], dtype=float))
        energy, train = torch.from_numpy(self.labels.energy)[:, None], self.splits["train"]
        rest = energy - counts @ fit_references(counts[train], energy[train])  # (N, 1)
        self.spread = float((rest / counts.sum(1, keepdim=True))[train].std())  # eV/atom
        self.energy = (rest / self.spread).float()
        self.forces = torch.from_numpy(self.labels.forces) / self.spread  # (atoms, D)

    def sample(self, i: int) -> Sample:
        """Return structure `i`, as it was labelled, with its neighbours and labels."""
        labelled = as_atoms(self.labels.structure(i), self.theory)
        atoms = {
            key.Z: torch.from_numpy(labelled.numbers),
            key.R: torch.from_numpy(labelled.positions).float(),  # (A, 3)
            key.cell: torch.from_numpy(labelled.cell.array).float()[None],
            key.pbc: torch.from_numpy(labelled.pbc),
            key.n_atoms: torch.tensor([len(labelled)]),
            key.energy: self.energy[i],
            key.forces: self.forces[self.labels.atoms(i)],
        }
        return self.neighbours(atoms)

    def split(self, name: str) -> list[Sample]:
        bar = tqdm(self.splits[name].tolist(), f"Neighbour lists, {name}", mininterval=1)
        return [self.sample(i) for i in bar]


def painn(cutoff: float, features: int, interactions: int) -> nn.Module:
    basis, smooth = spk.nn.GaussianRBF(20, cutoff), spk.nn.CosineCutoff(cutoff)
    network = spk.representation.PaiNN(features, interactions, basis, smooth)
    energy = spk.atomistic.Atomwise(features, output_key=key.energy)
    distances = spk.atomistic.PairwiseDistances()
    return spk.model.NeuralNetworkPotential(network, [distances], [energy])


def energies(net: nn.Module, batch: Sample) -> Tensor:
    """Predict energies (B,); the network adds to the columns that it is given, hence the copy."""
    return net(dict(batch))[key.energy]


def energies_and_forces(net: nn.Module, batch: Sample, graph: bool = False) -> tuple[Tensor, ...]:
    """Predict energies (B,) and forces along the axes of the labels (atoms, D)."""
    positions = batch[key.R].clone().requires_grad_()
    energy = energies(net, {**batch, key.R: positions})
    (slope,) = torch.autograd.grad(energy.sum(), positions, create_graph=graph)
    return energy, -slope[:, : batch[key.forces].shape[1]]


@torch.no_grad()
def validate(net: nn.Module, samples: list[Sample], unit: float) -> float:
    """Return the mean absolute error in meV/atom."""
    batches = AtomsLoader(samples, batch_size=64)
    errors = [(energies(net, b) - b[key.energy]).abs() / b[key.n_atoms] for b in batches]
    return unit * float(torch.cat(errors).mean())


def train(net: nn.Module, sheets: StructureJob, args: argparse.Namespace) -> dict[str, float]:
    """Train with a one-cycle rate; keep the weights that are best on the validation split."""
    begun = time.perf_counter()
    training, validation = sheets.split("train"), sheets.split("val")
    lists = time.perf_counter() - begun
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr)
    best, weights, steps, share = math.inf, net.state_dict(), 0, 0.0
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    bar = tqdm(desc="Training", total=1.0, bar_format=form, mininterval=1)
    while share < 1:
        for batch in AtomsLoader(training, batch_size=args.batch_size, shuffle=True):
            share = (time.perf_counter() - begun) / args.seconds
            if share >= 1:
                break
            fall = 0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))
            optimizer.param_groups[0]["lr"] = args.lr * min(share / WARM_UP, fall)
            optimizer.zero_grad()
            if args.force_weight:
                energy, forces = energies_and_forces(net, batch, graph=True)
            else:
                energy, forces = energies(net, batch), batch[key.forces]
            loss = F.mse_loss(energy, batch[key.energy])  # as in ednn.training.task
            (loss + args.force_weight * F.mse_loss(forces, batch[key.forces])).backward()
            optimizer.step()
            steps += 1
            bar.update(share - bar.n)
        if (error := validate(net, validation, 1e3 * sheets.spread)) < best:
            best, weights = error, {n: value.clone() for n, value in net.state_dict().items()}
        bar.set_postfix_str(f"val. mean abs. error {error:.3g} meV/atom")
    bar.close()
    net.load_state_dict(weights)
    epochs = steps * args.batch_size / len(training)
    return {"epochs": epochs, "neighbour lists, s": lists, "validation, meV/atom": best}


def test_painn(net: nn.Module, sheets: StructureJob) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield absolute errors, of energies in meV/atom and of components of forces in eV/Å."""
    for b in AtomsLoader(sheets.split("test"), batch_size=32):
        energy, forces = energies_and_forces(net, b)
        error = (energy.detach() - b[key.energy]).abs() / b[key.n_atoms]
        yield 1e3 * sheets.spread * error, sheets.spread * (forces - b[key.forces]).abs()


def test_ednn(model: Any, sheets: StructureJob, bfloat16: bool) -> Iterator[tuple[Tensor, Tensor]]:
    for part in torch.from_numpy(sheets.splits["test"]).split(32):
        b = sheets.data.dataset.__getitems__(part.tolist())
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            energy, forces = model.energy_and_forces(b.inputs)
        error = (energy.detach() - b.target).abs()[:, 0] / b.sites
        yield 1e3 * error, (forces - b.slopes["forces"]).abs()[b.inputs.numbers > 0]


def summary(errors: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
    energy, forces = (torch.cat(column) for column in zip(*errors, strict=True))
    return {
        "median absolute error, meV/atom": float(energy.median()),
        "mean absolute error, meV/atom": float(energy.mean()),
        "median absolute error of forces, eV/Å": float(forces.median()),
        "mean absolute error of forces, eV/Å": float(forces.mean()),
    }


def seconds(run: Callable, parts: list[np.ndarray]) -> float:
    begun = time.perf_counter()
    for part in parts:
        run(part)
    return time.perf_counter() - begun


def evaluate(model: Any, dataset: ExtensiveDataset, bfloat16: bool, part: np.ndarray) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        return model(dataset.inputs(torch.from_numpy(part)))


@torch.no_grad()
def microseconds_per_atom(net: nn.Module, model: Any, sheets: StructureJob) -> dict[str, float]:
    """Time inference in turns: the median pass of each at its best batch size."""

    def listed(part: np.ndarray) -> Sample:
        return next(iter(AtomsLoader([sheets.sample(i) for i in part], batch_size=len(part))))

    dataset, chosen = sheets.data.dataset, sheets.splits["test"][:TIMED]
    ready: dict[tuple, Sample] = {}
    ways: dict[str, Callable] = {
        "PaiNN": lambda part: energies(net, listed(part)),
        "PaiNN, neighbour lists at hand": lambda part: energies(net, ready[tuple(part)]),
    }
    for name, bfloat16 in OURS.items() if model else ():
        ways[name] = partial(evaluate, model, dataset, bfloat16)
    best = np.full(len(ways), math.inf)
    for size in BATCHES:
        parts = np.split(chosen, range(size, len(chosen), size))
        ready.update((tuple(part), listed(part)) for part in parts)
        rounds = [[seconds(run, parts) for run in ways.values()] for _ in range(ROUNDS)]
        best = np.minimum(best, np.median(rounds, axis=0))
    atoms = int(dataset.sites[chosen].sum())
    return dict(zip(ways, (1e6 * best / atoms).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--experiment", default="dft", help="whose structures: dft, alloys")
    add("--ednn", help="checkpoint of our model, to be tested and timed beside PaiNN")
    add("--seconds", type=float, default=1800, help="wall time of the training")
    add("--threads", type=int, default=2)
    add("--cutoff", type=float, default=4.0, help="Å")
    add("--features", type=int, default=64)
    add("--interactions", type=int, default=3)
    add("--batch-size", type=int, default=16)
    add("--lr", type=float, default=1e-3, help="the highest rate")
    add("--force-weight", type=float, default=0.0, help="Å², as task.force_weight")
    add("--output", type=Path, default=Path("outputs/painn.json"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    sheets = StructureJob(args.experiment, args.cutoff)
    net = painn(args.cutoff, args.features, args.interactions)
    model = load_model(args.ednn) if args.ednn else None

    results: dict[str, Any] = {"PaiNN": train(net, sheets, args)}
    results["PaiNN"] |= summary(test_painn(net, sheets))
    for name, bfloat16 in OURS.items() if model else ():
        results[name] = summary(test_ednn(model, sheets, bfloat16))
    results["inference, µs/atom"] = microseconds_per_atom(net, model, sheets)
    for heading, values in results.items():
        print(
            f"\n{heading}",
            *(f"  {name:40}{value:10.4g}" for name, value in values.items()),
            sep="\n",
        )
    options = {name: str(value) for name, value in vars(args).items()}
    write_json(args.output, {**results, "options": options, "environment": environment()})


if __name__ == "__main__":
    main()
