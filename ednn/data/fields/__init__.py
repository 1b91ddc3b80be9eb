"""Data sets of fields on a lattice.

`file.py` is the HDF5 schema, `layout.py` where channels stand, `generated.py` the base of the sets
that are made here: `ising.py`, `laplacian.py`, `coulomb.py`. `hdf5.py` reads a user's own file.
"""
