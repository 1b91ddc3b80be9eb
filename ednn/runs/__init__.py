"""What a run leaves behind: its folder, its results, and the table of a sweep.

`naming.py` names run folders and `folder.py` records what ran; `results.py` writes predictions,
pictures and the summary; `sweep_table.py` gathers the runs of a Hydra multirun; `search_space.py`
and `trials.py` are of multiruns whose values Optuna chooses; `failures.py` is how a process ends
that fails.
"""
