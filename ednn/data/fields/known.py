"""Files of a user's own that are known again, so that a model isn't tested on what it has seen."""

import hashlib
from functools import cached_property
from typing import Any

from ednn.core.errors import InputError
from ednn.data.fields.file import StoredFields
from ednn.data.module import ExtensiveData

IN_FILE = "those of the file"


class KnownAgain(ExtensiveData):
    """A data set that is known by its first field; its `settings` have that and the splits.

    Attributes:
        fields: of the file.
        split_in_file: whether the file says which samples are for what.
        shares: of the test and validation splits, where it doesn't.

    Example:
        >>> from ednn.data.fields.own import FieldsData
        >>> issubclass(FieldsData, KnownAgain)
        True
    """

    fields: StoredFields
    split_in_file: bool
    shares: dict[str, float]

    @property
    def kind(self) -> str:
        return "HDF5Data"  # of data=hdf5, too: the same samples, whoever reads them

    @cached_property
    def first_field(self) -> str:
        """A digest of the first field, by which the file is known again wherever it lies."""
        return hashlib.sha256(self.fields[:1].float().numpy().tobytes()).hexdigest()[:16]

    def test_only(self, trained_on: dict[str, Any] | None) -> None:
        """Test on every sample, or on the test split alone where a model may know the others.

        A file that begins with the same field may be the same file, whatever was added to it.

        Raises:
            InputError: that split is not known.
        """
        if not trained_on or not self.same_samples(trained_on):
            self.shares = {"test": 1.0, "val": 0.0}
        elif trained_on["splits"] != IN_FILE:
            self.split_in_file = False
            self.seed, self.shares = trained_on["seed"], trained_on["splits"]
        elif not self.split_in_file:
            raise InputError(
                f"{self.path} begins like the file that this model was trained on, but has not its "
                f"splits/train, splits/val and splits/test; add them, or give another file."
            )

    def same_samples(self, trained_on: dict[str, Any]) -> bool:
        return bool(trained_on["first_field"] == self.first_field)
