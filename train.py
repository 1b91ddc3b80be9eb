"""`ednn train` as a script; `python train.py --help` has examples and all settings."""

from ednn.commands.train import train

if __name__ == "__main__":
    train()
