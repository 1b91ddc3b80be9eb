"""The command `predict`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def predict(cfg: DictConfig) -> None:
    """Predict fields from a file, or structures, of any size.

    ednn predict ckpt_path=RUN input=fields.h5 output=predictions.h5
    """
    from ednn.inference.predict import predict

    predict(cfg)
