"""`ednn relax` as a script; `python relax.py --help` has examples and all settings."""

from ednn.commands.relax import relax

if __name__ == "__main__":
    relax()
