"""The ferromagnetic Ising model on a finite n × m torus, solved exactly at every temperature.

B. Kaufman, Phys. Rev. 76, 1232 (1949), in bond units (J = k_B = 1, K = 1 / T):

    Z = ½ (2 sinh 2K)^(nm/2) Σ_(l odd, l even) { Π_l 2 cosh(m γ_l / 2) + Π_l 2 sinh(m γ_l / 2) }
    sinh² γ_l/2 = sinh² γ_0/2 + sin² πl/2n,   γ_0 = 2K + log tanh K,   l = 0 … 2n - 1

γ_0, and with it one sinh, is negative above T_c. Giving each exp(±γ_l / 2) its share of the
prefactor, (2 sinh 2K)^½ exp(-2K), leaves numbers of order 1 from zero to infinite temperature:
with t = exp(-2K), σ = t² sinh 2K and δ = t (sinh 2K - 1),

    Z = ½ exp(2nmK) Σ_(l odd, l even) { Π_l (u_l^m + v_l^m) + Π_l (u_l^m - v_l^m) }
    u_l, v_l = q_l ± p_l,   p_l² = δ² + 2σ sin² πl/2n,   q_l² = p_l² + 2σ,   p_0 = δ

A side of 2 has its bonds twice, as in `ising.energy`.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.func import grad

from ednn.core.errors import InputError

TC = 2 / math.log(1 + math.sqrt(2))  # γ_0 = 0: the critical temperature of the infinite lattice

Floats = NDArray[np.float64]
Function = Callable[[Tensor], Tensor]


def log_partition(lattice: tuple[int, int], temperature: ArrayLike) -> Floats:
    """Return log Z of Z = Σ exp(−E / T) over all 2^(nm) configurations of the torus.

    Args:
        lattice: sides n and m.
        temperature: in the unit of J, of any shape; the result has the same.

    Raises:
        InputError: not two sides of at least 2, or a temperature not above 0.

    Example:
        >>> round(float(log_partition((2, 2), 1e6)) / math.log(2), 6)  # 2⁴ equally likely states
        4.0
    """
    K = _coupling(lattice, temperature)
    return (2 * math.prod(lattice) * K + _log_excitations(lattice, K)).numpy()


def energy(lattice: tuple[int, int], temperature: ArrayLike) -> Floats:
    """Return the mean energy per site, −∂ log Z / ∂K / nm, in the unit of J; accurate to 1e-14.

    The arguments are those of `log_partition`.

    Example:
        >>> float(energy((8, 8), 0.1).round(6))  # ordered: 2 bonds per site
        -2.0
    """
    K = _coupling(lattice, temperature)
    slope = _derivative(partial(_log_excitations, lattice))
    return (-2 - slope(K) / math.prod(lattice)).numpy()


def specific_heat(lattice: tuple[int, int], temperature: ArrayLike) -> Floats:
    """Return the specific heat per site, K² ∂² log Z / ∂K² / nm, in k_B; accurate to 1e-12.

    The arguments are those of `log_partition`.

    Example:
        >>> c_8, c_32 = specific_heat((8, 8), TC), specific_heat((32, 32), TC)
        >>> bool(c_32 > c_8)  # diverges with the logarithm of the side
        True
    """
    K = _coupling(lattice, temperature)
    curvature = _derivative(_derivative(partial(_log_excitations, lattice)))
    return (K**2 * curvature(K) / math.prod(lattice)).numpy()


def _log_excitations(lattice: tuple[int, int], K: Tensor) -> Tensor:
    """Return log Z − 2nmK for K (...), which is log Z with the lowest energy as zero."""
    n, m = lattice
    t = torch.exp(-2 * K[..., None])
    sigma = t * (1 - t**2) / 2
    delta = (1 - t**2) / 2 - t
    # u_0 and v_0 are swapped where γ_0 < 0. At T_c, where δ = 0, the derivatives of sign · δ are
    # those of δ. They are exact: the cosh term is even in δ, and the sinh term,
    # sign · (1 - decay_0), is odd.
    sign = torch.where(delta < 0, -1.0, 1.0)
    sines = torch.sin(torch.arange(1, 2 * n, dtype=K.dtype) * (math.pi / (2 * n)))
    p = torch.cat([sign * delta, torch.sqrt(delta**2 + 2 * sigma * sines**2)], -1)  # (..., 2n)
    u = p + torch.sqrt(p**2 + 2 * sigma)
    log_u = u.log()
    decay = (2 * sigma / u**2) ** m  # (v / u)^m, at most 1
    cosh = torch.log1p(decay)
    sinh = torch.log1p(-decay[..., 1:])  # from l = 1: that of l = 0 vanishes at T_c
    odd = cosh[..., 1::2].sum(-1).exp() + sinh[..., 0::2].sum(-1).exp()
    sinh_0 = (sign * (1 - decay))[..., 0]
    even = cosh[..., 0::2].sum(-1).exp() + sinh_0 * sinh[..., 1::2].sum(-1).exp()
    ratio = torch.exp(m * (log_u[..., 0::2] - log_u[..., 1::2]).sum(-1))  # about 1 or less
    return m * log_u[..., 1::2].sum(-1) + torch.log((odd + ratio * even) / 2)


def _derivative(function: Function) -> Function:
    """Return the derivative of a function that acts on each K alone."""
    return grad(lambda K: function(K).sum())


def _coupling(lattice: tuple[int, int], temperature: ArrayLike) -> Tensor:
    """Check both arguments and return K = 1 / T, in the shape of T."""
    if len(lattice) != 2 or min(lattice) < 2:
        raise InputError(
            f"The lattice is {tuple(lattice)}, but Kaufman's solution needs two sides of at least "
            "2; give for example (8, 8)."
        )
    T = np.asarray(temperature, dtype=np.float64)
    wrong = T[~((T > 0) & np.isfinite(T))]
    if wrong.size:
        raise InputError(
            f"temperature is {wrong[0]}, but every temperature must be a positive number in the "
            "unit of J; give for example [2.0, 2.27]."
        )
    return torch.as_tensor(1 / T)
