"""Data sets of atoms, which models render as fields.

`file.py` is the HDF5 schema of labelled structures, `labelling.py` fills it, `module.py` is the
base of both sets: `dft.py`, the sheets in data/dft, and `atoms.py`, a user's own file.
"""
