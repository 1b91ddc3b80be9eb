"""`ednn convert` as a script; `python convert.py --help` has examples and all settings."""

from ednn.commands.convert import convert

if __name__ == "__main__":
    convert()
