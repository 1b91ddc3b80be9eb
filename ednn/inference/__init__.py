"""Predictions of any size: what doesn't fit in memory goes block by block, in several processes.

`predict.py` runs them. `blocks.py` cuts a lattice; `fields.py` reads blocks from disk and
`structures.py` renders them from atoms; `pieces.py` evaluates all of them, wherever it was stopped.
"""
