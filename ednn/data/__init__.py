"""The data sets: what a model learns from, as Lightning data modules.

`module.py` is the base of all (a file made once, seeded splits, loaders), `samples.py` the
samples as a model is given them. `fields/` holds the data sets of fields, `structures/` those of
atoms, each with the schema of its file. A data set says what it is by a `DatasetInfo`; it never
builds, normalises or judges a model. CONTRIBUTING.md says how to add one.

`hdf5_file.py`, `journal.py`, `splits.py` and `workers.py` are what these share.
"""
