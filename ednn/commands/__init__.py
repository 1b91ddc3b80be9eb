"""The command line: `ednn train|evaluate|predict|relax|md|…`, and the scripts of these names.

Each command has a file, which composes its config and hands it to the folder that does the work.
`main.py` is `ednn` itself, `cli.py` what all commands do, `words.py`, `as_typed.py` and `seeds.py`
read what was typed, `explain.py` says in one sentence what is wrong with it, `help.py` and
`completion.py` are what a user is shown.
"""
