"""Active learning: the network says which structures are worth their labels.

`rounds.py` is the loop: train (as `ednn train` does), propose (`propose.py`, `dynamics.py`), choose
(`choose.py`), label (`ednn.data.structures.labelling`). `start.py` makes the starting set,
`settings.py` checks the command, `table.py` tells how it went. What is done stands in files, and
nothing else is known: the same command goes on after a kill.
"""
