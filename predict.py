"""`ednn predict` as a script; `python predict.py --help` has examples and all settings."""

from ednn.commands.predict import predict

if __name__ == "__main__":
    predict()
