"""Predictions of any size: what doesn't fit in memory goes block by block, in several processes.

`predict.py` runs them. `blocks.py` cuts a lattice; `field_job.py` reads blocks from disk and
`structure_job.py` renders them from atoms, which `stored_structure.py` reads from disk, too;
`pieces.py` evaluates all of them, wherever it was stopped.
"""
