"""Symbols of the elements, also where ASE, which has them too, isn't installed."""

from collections.abc import Iterable

LINES = """
X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se
Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb
Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm
Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
SYMBOLS = LINES.split()


def symbols(numbers: Iterable[int]) -> str:
    """Return the symbols of elements by their atomic numbers, each once; X is 0, a dummy atom.

    Example:
        >>> symbols([7, 5, 7])
        'B, N'
    """
    known = dict(enumerate(SYMBOLS))
    return ", ".join(known.get(number, str(number)) for number in sorted(set(numbers)))
