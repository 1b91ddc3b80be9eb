"""The command line: `ednn train|evaluate|predict|generate|study`, and the scripts of these names.

Each command has a file, which composes its config and hands it to the folder that does the work.
`main.py` is `ednn` itself, `cli.py` and `explain.py` turn bad input into one sentence, `help.py`
and `completion.py` are what a user is shown.
"""
