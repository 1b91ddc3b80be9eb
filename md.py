"""`ednn md` as a script; `python md.py --help` has examples and all settings."""

from ednn.commands.md import md

if __name__ == "__main__":
    md()
