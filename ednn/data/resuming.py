"""What a training remembers of its data, so that it doesn't go on with others."""

import hashlib
from abc import abstractmethod
from pathlib import Path
from typing import Any

from lightning import LightningDataModule

from ednn.core.errors import InputError
from ednn.data.samples import ExtensiveDataset


class Remembered(LightningDataModule):
    """A data set whose settings are in checkpoints; a run that goes on must have the same.

    Labels have to be the same as well: a file of the same name may have been written anew.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> issubclass(IsingData, Remembered)
        True
    """

    dataset: ExtensiveDataset

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the samples and their splits depend on, as plain values."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """The file that holds this data set."""

    def state_dict(self) -> dict[str, Any]:
        return {**self.settings, "labels": self._digest()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own, before = self.settings, dict(state_dict)
        labels = before.pop("labels", None)  # older checkpoints have none
        other = [key for key in before.keys() | own if before.get(key) != own.get(key)]
        if not other and labels not in (None, self._digest()):
            other = ["labels"]
        if other:
            raise InputError(
                f"The run to resume was trained on other data than {self.path}: its "
                f"{', '.join(sorted(other))} differ; give the same data, or start anew without "
                f"resume=auto."
            )

    def _digest(self) -> str:
        return hashlib.sha256(self.dataset.labels.numpy().tobytes()).hexdigest()
