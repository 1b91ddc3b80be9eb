"""Exact and simulated physics: the data that networks learn from, and what they are compared with.

Reading order, by system: `ising` with `ising_sampling` and `kaufman` (spins: energies, samplers,
the exact solution), `flips` and `heat_bath` (Monte Carlo with a learned energy), `images` with
`laplacian` (smooth fields and a differential operator), `coulomb` (charges), `smooth_fields` with
`fermions` and `hard_rods` (functionals of the density), `sheets` with `varied_sheets`, `recipes`
and `labels` (atoms and their energies), `locality` (how far a function reaches), and `sampling`
(even choices from a pool).
"""
