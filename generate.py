"""`ednn generate` as a script; `python generate.py --help` has examples and all settings."""

from ednn.commands.generate import generate

if __name__ == "__main__":
    generate()
