"""The distance of sites, which derivatives by fields refer to."""

import pytest

from ednn.core.errors import InputError
from ednn.data.fields.spacing import require_same_spacing


@pytest.mark.parametrize("found", [(0.5,), (0.5, 0.25), (0.5, 0.5, 0.5)])
def test_fields_of_another_spacing_or_dimension_are_refused(found: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"a\.nc has a spacing of .*, and the model was trained"):
        require_same_spacing((0.5, 0.5), found, "a.nc")


@pytest.mark.parametrize("found", [(), (0.5, 0.5), (0.50001, 0.5)])
def test_the_same_spacing_or_none_is_taken(found: tuple[float, ...]) -> None:
    require_same_spacing((0.5, 0.5), found, "a.nc")
