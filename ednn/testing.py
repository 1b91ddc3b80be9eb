"""Contract tests of subnetworks, which the tests of your own subnetwork inherit."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.func import functional_call

from ednn.core.evaluation import ChunkPolicy
from ednn.core.model import EDNN
from ednn.core.tiling import PADDINGS

if TYPE_CHECKING:
    import pytest

ROUNDING = 1e-12  # relative to the largest value
FIELDS = 2  # in a batch


class SubnetContract:
    """Tests that a subnetwork must pass for the sum over its tiles to be exact and extensive.

    They run in double precision, in every dimension. In a test file, three lines inherit them:

        from ednn.testing import SubnetContract

        class TestMyNet(SubnetContract):
            subnet = MyNet

    Attributes:
        subnet: the subnetwork's class or a partial of it, made from those of `window`, `focus`,
            `context`, `channels` and `outputs` that it accepts.
        dims: dimensions of the lattices that it is for.
        focus, context: side f of the focus and width c of the context, along every axis.
        channels: field components.
        outputs: number of extensive properties.

    Example:
        >>> from ednn.core.subnets import ANN
        >>> class TestANN(SubnetContract):
        ...     subnet = ANN
        >>> TestANN().test_whole_fields_agree_with_tiles(dim=2, padding="periodic")
    """

    subnet: ClassVar[Callable[..., nn.Module]]
    dims: ClassVar[tuple[int, ...]] = (1, 2, 3)
    focus: ClassVar[int] = 2
    context: ClassVar[int] = 1
    channels: ClassVar[int] = 2
    outputs: ClassVar[int] = 2

    def pytest_generate_tests(self, metafunc: "pytest.Metafunc") -> None:
        """Let pytest run every test in every dimension, and those that pad with every padding."""
        for name, values in {"dim": self.dims, "padding": PADDINGS}.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    def model(self, dim: int, **options: Any) -> EDNN:
        """Return a new model of the subnetwork in double precision and in evaluation."""
        torch.manual_seed(0)
        raw = getattr_static(self, "subnet")  # a function or a partial would become a method
        subnet = getattr(raw, "__func__", raw)
        geometry = (self.focus, self.context, dim, self.channels, self.outputs)
        return EDNN(subnet, *geometry, **options).double().eval()

    def field(self, dim: int) -> Tensor:
        """Return random fields (B, C, *L) on which no tile sees the whole of the first axis."""
        first = self.focus * (2 + -(-2 * self.context // self.focus))
        lattice = [first, *[2 * self.focus] * (dim - 1)]
        generator = torch.Generator().manual_seed(dim)
        shape = (FIELDS, self.channels, *lattice)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def test_tiles_get_one_row_each(self, dim: int) -> None:
        """A batch of tiles (n, channels, *window) gives (n, outputs), for n = 1, too."""
        model = self.model(dim)
        for tiles in (_tiles(model, self.field(dim)), _tiles(model, self.field(dim))[:1]):
            shape, expected = tuple(model.subnet(tiles).shape), (len(tiles), self.outputs)
            assert shape == expected, f"{len(tiles)} tiles give {shape}, not {expected}"

    def test_tiles_are_independent_in_evaluation(self, dim: int) -> None:
        """A tile's value depends neither on the other tiles nor on its place in the batch."""
        model = self.model(dim)
        tiles = _tiles(model, self.field(dim))
        values = model.subnet(tiles)
        alone = torch.cat([model.subnet(tile[None]) for tile in tiles])
        _assert_same(alone, values, "A tile alone has another value than among others.")
        turned = model.subnet(tiles.flip(0)).flip(0)
        _assert_same(turned, values, "A tile's value changes with its place in the batch.")

    def test_tiles_are_independent_in_training(self, dim: int) -> None:
        """A tile's value doesn't depend on the other tiles, given the same random numbers."""
        model = self.model(dim).train()
        tiles = _tiles(model, self.field(dim))
        torch.manual_seed(0)
        value = model.subnet(tiles)[:1]
        torch.manual_seed(0)  # the same dropout in both
        beside = model.subnet(torch.cat([tiles[:1], 3 * tiles[1:] - 1]))[:1]
        _assert_same(beside, value, "In training a tile's value changes with the others' values.")

    def test_chunks_change_nothing(self, dim: int) -> None:
        """Small chunks of tiles, or blocks of a field, give the values of one batch."""
        for tiles in (1, 4):
            model = self.model(dim, chunks=_Chunks(count=tiles))
            _assert_tile_by_tile(model, self.field(dim), f"Chunks of {tiles} tiles change values.")

    def test_whole_fields_agree_with_tiles(self, dim: int, padding: str) -> None:
        """A whole field, evaluated at once, gives the values of one batch of tiles."""
        model = self.model(dim, padding=padding, chunks=_Chunks(count=10**9))
        text = f"A whole field with padding={padding} has other values than its tiles."
        _assert_tile_by_tile(model, self.field(dim), text)

    def test_distinct_tiles_agree_with_all_tiles(self, dim: int) -> None:
        """Equal tiles of spins, evaluated once, give the values of one batch."""
        model = self.model(dim, alphabet=[-1.0, 1.0], chunks=_Chunks(distinct_share=1.0, count=9))
        spins = self.field(dim).sign().repeat(2, *[1] * (1 + dim))  # every tile twice
        _assert_tile_by_tile(model, spins, "Equal tiles, evaluated once, have other values.")

    def test_gradients_reach_every_parameter_and_are_right(self, dim: int) -> None:
        """Every parameter gets a gradient, and it agrees with finite differences."""
        model, field = self.model(dim), self.field(dim)[:1].requires_grad_()
        model(field).sum().backward()
        named = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        lost = [name for name, weight in named.items() if weight.grad is None]
        assert not lost, f"No gradient reaches {', '.join(lost)}."

        def value(field: Tensor, *weights: Tensor) -> Tensor:
            return functional_call(model, dict(zip(named, weights, strict=True)), (field,))

        assert gradcheck(value, (field, *named.values()), fast_mode=True)

    def test_a_replicated_field_has_a_multiple_of_the_value(self, dim: int) -> None:
        """A periodic field that is repeated along every axis has 2^dim times the value."""
        model, field = self.model(dim), self.field(dim)
        copies = model(field.repeat(1, 1, *[2] * dim))
        _assert_same(copies, 2**dim * model(field), "2 copies per axis don't have 2^d the value.")

    def test_nothing_outside_its_window_changes_a_contribution(self, dim: int) -> None:
        """A tile's contribution doesn't depend on sites outside its window."""
        model, field = self.model(dim), self.field(dim)
        before = model.contributions(field)[:, 0]
        outside = field[:, :, self.focus + self.context : field.shape[2] - self.context]
        outside.mul_(10).add_(1)
        after = model.contributions(field)[:, 0]
        _assert_same(after, before, "A contribution changes with sites outside its window.")


@dataclass(frozen=True)
class _Chunks(ChunkPolicy):
    """So many tiles go together, whatever their size."""

    count: int = 1

    def tiles(self, *_: Any) -> int:
        return self.count


def _tiles(model: EDNN, field: Tensor) -> Tensor:
    """Cut fields (B, C, *L) into one batch of tiles (n, C, *window)."""
    return model.tiling.tiles(field).flatten(0, model.tiling.dims)


def _assert_tile_by_tile(model: EDNN, field: Tensor, text: str) -> None:
    """Compare contributions, and their gradients, with those of all tiles in one batch."""
    values = model.contributions(field)
    expected = model.physical(model.subnet(_tiles(model, field)), model.tiling.sites)
    expected = expected.view_as(values)
    _assert_same(values, expected, text)
    for got, want in zip(_gradients(model, values), _gradients(model, expected), strict=True):
        _assert_same(got, want, f"{text} (Gradients of the parameters.)")


def _gradients(model: EDNN, values: Tensor) -> tuple[Tensor, ...]:
    """Return the parameters' gradients of a sum in which every value has another coefficient."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if not weights:
        return ()
    loss = values.flatten() @ torch.linspace(-1, 2, values.numel()).to(values)
    return torch.autograd.grad(loss, weights, materialize_grads=True)


def _assert_same(got: Tensor, want: Tensor, text: str) -> None:
    bound = ROUNDING * want.detach().abs().max().item()
    torch.testing.assert_close(
        got, want, rtol=ROUNDING, atol=bound, msg=lambda found: f"{text} {found}"
    )
