"""The fully convolutional subnetwork: a value for every site, computed from its surroundings."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.subnets.residual import Residual, initialise
from ednn.core.subnets.site_wise import CONV, SiteWise
from ednn.core.tiling import Tiling


class FCN(SiteWise):
    """Unpadded convolutions that see a site's context, and nothing beyond a tile's window.

    The first convolution takes blocks of `stride` sites along every axis, and all sites of a block
    get the same value. Each further one has three taps per axis, or a single tap once c is reached;
    `reaches` shares c among them. SiLU follows each of them, and a linear layer makes the outputs.
    Residual blocks may take the place of the further convolutions.

    Args:
        focus: side f of the focus per axis, a multiple of `stride`.
        context: width c of the context per axis.
        channels: number of field components.
        outputs: number of values per site.
        widths: number of channels of each convolution.
        stride: side of a block in sites.
        residual: makes each convolution behind the first that of a residual block; they all have
            one width.

    Raises:
        InputError: c is larger than so many layers reach without gaps, f isn't whole blocks, or
            residual blocks have several widths.

    Example:
        >>> import torch
        >>> fcn = FCN(focus=(2, 2), context=(3, 3), widths=(8, 8))
        >>> fcn(torch.ones(5, 1, 8, 8)).shape, fcn.sites(torch.ones(1, 1, 16, 16)).shape
        (torch.Size([5, 1]), torch.Size([1, 1, 10, 10]))
    """

    def __init__(
        self,
        focus: Sequence[int],
        context: Sequence[int],
        channels: int = 1,
        outputs: int = 1,
        widths: Sequence[int] = (32, 32, 64, 64, 64),
        stride: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(residual, bool):
            raise InputError(
                f"model.subnet.residual={residual} is not possible; give true or false."
            )
        if residual and len(set(widths)) > 1:
            raise InputError(
                f"model.subnet.widths={[*widths]} has several widths, but a residual block adds to "
                f"its input; give one for all, such as {[max(widths)] * len(widths)}."
            )
        if any(side % stride for side in focus):
            raise InputError(
                f"The focus {tuple(focus)} is not a multiple of model.subnet.stride={stride} sites "
                f"along every axis; choose another tile.f."
            )
        conv, self.stride = CONV[len(context)], stride
        first, *further = zip(*(reaches(c, len(widths), stride) for c in context), strict=True)
        blocks = tuple(stride + 2 * reach for reach in first)
        layers = [conv(channels, widths[0], blocks, stride), nn.SiLU()]
        for (before, after), reach in zip(pairwise(widths), further, strict=True):
            kernel = tuple(3 if r else 1 for r in reach)
            dilation = tuple(max(r, 1) for r in reach)
            if residual:
                layers.append(Residual(before, kernel, dilation))
            else:
                layers += [conv(before, after, kernel, dilation=dilation), nn.SiLU()]
        self.layers = nn.Sequential(*layers, conv(widths[-1], outputs, 1))
        for layer in layers:
            if isinstance(layer, conv):
                initialise(layer)

    def sites(self, padded: Tensor) -> Tensor:
        return self.layers(padded)

    def periodic_sites(self, field: Tensor, tiling: Tiling) -> Tensor:
        for layer in self.layers:
            if isinstance(layer, Residual):  # has the sites already that it would cut out
                field = field + layer.change(_border(layer.conv).pad(field))
            elif isinstance(layer, nn.SiLU):
                field = layer(field)
            else:
                field = layer(_border(layer).pad(field))
        return field


def _border(conv: Any) -> Tiling:
    """Return the padding of a periodic field that makes one convolution keep all sites."""
    taps = zip(conv.kernel_size, conv.dilation, conv.stride, strict=True)
    reach = [((kernel - 1) * dilation + 1 - stride) // 2 for kernel, dilation, stride in taps]
    return Tiling(len(reach), 1, reach)


def reaches(c: int, layers: int, stride: int = 1) -> list[int]:
    """Share a context of width c among convolutions.

    The shares are as even as possible, but none is so wide that a site between two taps is seen by
    no tap: together the convolutions see every site from -c to c.

    Args:
        c: width of the context in sites.
        layers: number of convolutions.
        stride: side of the first convolution's blocks in sites.

    Returns:
        The first convolution's reach to either side of a block in sites, at most one block; then
        the dilation of each further convolution of three taps, in blocks.

    Raises:
        InputError: c is larger than so many layers reach without gaps.

    Example:
        >>> reaches(8, layers=5), reaches(32, layers=5)
        ([1, 2, 2, 2, 1], [1, 3, 9, 10, 9])
    """
    blocks = max(0, (c - 1) // stride)
    shares: list[int] = []
    seen = 2 * (c - blocks * stride) // stride  # beyond the block itself, in blocks
    for left in range(layers - 1, 0, -1):
        even = -((sum(shares) - blocks) // left)  # the rest divided by the layers left, rounded up
        shares.append(min(even, 1 + seen + 2 * sum(shares)))
    if sum(shares) < blocks:
        raise InputError(
            f"{layers} convolutions on blocks of {stride} sites don't reach as far as the context "
            f"c={c}; give more layers (model.subnet.widths) or a smaller tile.c."
        )
    return [c - blocks * stride, *shares]
