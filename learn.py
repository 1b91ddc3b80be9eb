"""`ednn learn` as a script; `python learn.py --help` has examples and all settings."""

from ednn.commands.learn import learn

if __name__ == "__main__":
    learn()
