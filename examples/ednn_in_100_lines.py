"""The whole method in one file: an extensive deep neural network for the Ising model.

An extensive property, such as the total energy, grows in proportion to the system. An extensive
deep neural network learns it on small systems and predicts it on systems of any size:

1. cut the lattice into tiles: a focus of side f and around it a border, the context, of width c;
2. give every tile to one and the same small network, which returns one number per tile;
3. sum these numbers: the sum is the property.

Every site is in the focus of exactly one tile, so that a lattice of twice the size has twice as
many tiles and twice the sum. The context must be as wide as the interactions reach. This file is
plain PyTorch; the package `ednn` does the same for any f, c and dimension, and faster.

Source: Luchak, Mills, Ryczko, Domurad and Tamblyn, "Extensive deep neural networks".

    python examples/ednn_in_100_lines.py
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FOCUS, CONTEXT = 1, 1  # f and c: a spin and its neighbours, all that an Ising energy depends on
WINDOW = FOCUS + 2 * CONTEXT  # side of a whole tile


def random_spins(count: int, side: int) -> Tensor:
    """Return spins ±1, (count, side, side), from disordered to nearly all up or all down."""
    share_up = torch.rand(count, 1, 1)  # of each lattice, so that energies of all sizes occur
    return 2.0 * (torch.rand(count, side, side) < share_up) - 1


def ising_energy(spins: Tensor) -> Tensor:
    """Return E = −J Σ σσ over nearest neighbours on a periodic lattice, (count,), in units of J."""
    right, down = spins.roll(-1, dims=2), spins.roll(-1, dims=1)
    return -(spins * right + spins * down).sum(dim=(1, 2))


def cut_into_tiles(spins: Tensor) -> Tensor:
    """Cut lattices (count, side, side) into overlapping tiles (count, tiles, WINDOW²)."""
    # The lattice is periodic: what lies beyond an edge is what stands at the opposite one.
    padded = F.pad(spins[:, None], (CONTEXT,) * 4, mode="circular")[:, 0]
    # A window every FOCUS sites, along either axis: (count, tiles_x, tiles_y, WINDOW, WINDOW).
    windows = padded.unfold(1, WINDOW, FOCUS).unfold(2, WINDOW, FOCUS)
    return windows.flatten(3).flatten(1, 2)


class ExtensiveNetwork(nn.Module):
    """The sum over all tiles of what one shared network returns for each."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.subnetwork = nn.Sequential(
            nn.Linear(WINDOW**2, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, spins: Tensor) -> Tensor:
        """Predict the energies (count,) of lattices (count, side, side) of any size."""
        contributions = self.subnetwork(cut_into_tiles(spins))  # (count, tiles, 1)
        # Only this sum is physical: how it is shared out among the tiles is up to the network.
        return contributions.sum(dim=(1, 2))


def train(model: ExtensiveNetwork, spins: Tensor, energies: Tensor, steps: int) -> None:
    """Fit the energies; the network is never told what a single tile should contribute."""
    # With all lattices in every step, L-BFGS gets much further than Adam in the same time.
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=steps, history_size=50, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        error = F.mse_loss(model(spins), energies)
        error.backward()
        return error

    optimizer.step(loss)


@torch.no_grad()
def error_per_spin(model: ExtensiveNetwork, side: int) -> float:
    """Return the mean absolute error on new lattices, in units of J per spin."""
    spins = random_spins(100, side)
    return float((model(spins) - ising_energy(spins)).abs().mean() / side**2)


if __name__ == "__main__":
    torch.manual_seed(0)
    model, lattices = ExtensiveNetwork(), random_spins(500, side=8)
    train(model, lattices, ising_energy(lattices), steps=500)
    print("Trained on lattices of 8 × 8 spins, whose energies are −2 to 2 J per spin.")
    for side in (8, 16, 64):
        error = error_per_spin(model, side)
        print(f"Mean absolute error on {side} × {side}: {error:.5f} J per spin")
