"""What a training remembers of its data, so that it doesn't go on with others."""

from abc import abstractmethod
from pathlib import Path
from typing import Any

from lightning import LightningDataModule

from ednn.core.errors import InputError


class Remembered(LightningDataModule):
    """A data set whose settings are in checkpoints; a run that goes on must have the same.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> issubclass(IsingData, Remembered)
        True
    """

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the samples and their splits depend on, as plain values."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """The file that holds this data set."""

    def state_dict(self) -> dict[str, Any]:
        return self.settings

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = self.settings
        other = [key for key in state_dict.keys() | own if state_dict.get(key) != own.get(key)]
        if other:
            raise InputError(
                f"The run to resume was trained on other data than {self.path}: its "
                f"{', '.join(sorted(other))} differ; give the same data, or start anew without "
                f"resume=auto."
            )
