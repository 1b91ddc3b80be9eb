"""A folder is gone on with by its own settings, limits aside."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ednn.core.errors import InputError
from ednn.learning.settings import MAY_CHANGE
from ednn.runs.folder import Run
from ednn.runs.going_on import require_same
from tests.learning.test_settings import composed


def test_a_folder_goes_on_with_its_own_settings_and_other_limits_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    require_same(run, composed(), MAY_CHANGE)
    OmegaConf.save(composed(), run.config, resolve=True)
    require_same(run, composed(folder="moved/elsewhere"), MAY_CHANGE)
    require_same(run, composed("learn.rounds=20", "learn.budget=500", "learn.target=3"), MAY_CHANGE)
    for word in ("seed=1", "learn.add=21", "model.subnet.stride=1"):
        with pytest.raises(InputError, match="repeat that command, or give another run=NAME"):
            require_same(run, composed(word), MAY_CHANGE)
