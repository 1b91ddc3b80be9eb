"""What a run leaves behind: its folder, its results, and the table of a sweep.

`folder.py` names a run folder and records what ran; `results.py` writes predictions, pictures and
the summary; `sweep_table.py` gathers the runs of a Hydra multirun.
"""
