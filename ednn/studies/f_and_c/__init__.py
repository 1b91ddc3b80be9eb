"""The choice of f and c for data of one's own, by measurement: the command `locality`.

`trainings.py` runs short trainings, `recommend.py` judges their errors, `responses.py` measures how
far a change of one site, or of one atom, is felt. `choice.py` puts them together, `words.py` says
what was found and `picture.py` draws it.
"""
