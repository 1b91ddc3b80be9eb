"""Data sets of fields on a lattice.

`file.py` is the HDF5 schema, `layout.py` where channels stand, `generated.py` the base of the sets
that are made here: `ising.py`, `laplacian.py`, `coulomb.py`, and those of functionals with the base
`functional.py`, `fermions.py` and `hard_rods.py`. `own.py` reads a user's own files, with the
readers of `ednn/data/formats`, and `hdf5.py` those of HDF5.
"""
