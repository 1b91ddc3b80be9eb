"""`ednn evaluate` as a script; `python evaluate.py --help` has examples and all settings."""

from ednn.commands.evaluate import evaluate

if __name__ == "__main__":
    evaluate()
