"""`ednn study` as a script; `python study.py --help` has examples and all settings."""

from ednn.commands.study import study

if __name__ == "__main__":
    study()
