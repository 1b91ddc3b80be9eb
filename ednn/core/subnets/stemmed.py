"""The base of the subnetworks whose first layers overlapping tiles share."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from ednn.core.tiling import Tiling


class Stemmed(nn.Sequential):
    """Base of subnetworks of padded layers, the first of which overlapping tiles share.

    These layers, the stem, make one row of values from `stride` rows of sites along each axis. A
    tile's zero padding may show in the first of these rows, which must not depend on other sites
    than the tile's first `stride` rows; in all others the stem must be as of a whole field.

    Attributes:
        stem: number of layers of the stem.
        stride: sites per value of the stem along each axis.

    Example:
        >>> import torch
        >>> class Strided(Stemmed):
        ...     stem, stride = 1, 2
        >>> conv, tiling = nn.Conv1d(1, 4, 3, stride=2, padding=1), Tiling(1, focus=4, context=2)
        >>> net, field = Strided(conv, nn.Flatten(), nn.Linear(16, 1)), torch.randn(5, 1, 20)
        >>> tiles = tiling.windows(field)  # (B, grid, C, window)
        >>> shared = net.of_tiles(field, tiling)  # (B, grid, outputs)
        >>> torch.allclose(shared, net(tiles.flatten(0, 1)).unflatten(0, (5, 4)), atol=1e-6)
        True
    """

    stem: int
    stride: int

    def of_tiles(self, padded: Tensor, tiling: Tiling) -> Tensor:
        """Map padded fields (B, C, *(L + 2c)) to the values of their tiles (B, *grid, outputs)."""
        dims, stride = tiling.dims, self.stride
        tiles = tiling.windows(padded)  # (B, *grid, C, *window)
        lead = tiles.shape[: 1 + dims]
        if not self._pays(padded, tiles, tiling):
            return self(tiles.flatten(0, dims)).unflatten(0, lead)
        stem, rest = [*self][: self.stem], [*self][self.stem :]
        focus = [side // stride for side in tiling.focus]
        context = [side // stride for side in tiling.context]
        whole = Tiling(dims, focus, context).windows(_through(stem, padded))
        values = whole.flatten(0, dims).contiguous()  # (tiles, width, …), no views of one another
        for axis in range(dims):
            first = tiles.narrow(2 + dims + axis, 0, stride).flatten(0, dims)
            values.narrow(2 + axis, 0, 1).copy_(_through(stem, first))
        return _through(rest, values).unflatten(0, lead)

    def _pays(self, padded: Tensor, tiles: Tensor, tiling: Tiling) -> bool:
        """Tell whether the stem can be shared, and sees fewer sites so."""
        whole = all(side % self.stride == 0 for side in (*tiling.focus, *tiling.context))
        rows = sum(self.stride / width for width in tiling.window)
        return whole and prod(padded.shape) + rows * tiles.numel() < tiles.numel()


def _through(layers: Sequence[nn.Module], values: Tensor) -> Tensor:
    for layer in layers:
        values = layer(values)
    return values
