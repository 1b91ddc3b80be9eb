"""`ednn locality` as a script; `python locality.py --help` has examples and all settings."""

from ednn.commands.locality import locality

if __name__ == "__main__":
    locality()
