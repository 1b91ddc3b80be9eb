"""The candidates of a round, by the packaged network."""

from hydra import compose, initialize_config_dir

from ednn.calculator import EDNNCalculator
from ednn.data.making import make_dataset
from ednn.data.structures.dft import DFTData
from ednn.data.structures.file import read
from ednn.data.structures.module import split_position
from ednn.learning.pool import Pool
from ednn.runs.configs import CONF
from tests.conftest import REPOSITORY

LABELS = REPOSITORY / "data" / "dft" / "gfn1_120.h5"
UNMOVED = ["learn.candidates={dynamics: 0, moved: 40, larger: 0, new: 0}", "learn.displacement=0"]


def test_candidates_are_made_of_what_is_trained_on() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = ["run=a", "run_dir=a", f"data.path={LABELS.as_posix()}", "learn.strain=0"]
        cfg = compose("learn", [*words, *UNMOVED])
        data = make_dataset(cfg.data)
    assert isinstance(data, DFTData)
    calculator = EDNNCalculator("pretrained/graphene-hbn-gfn1")
    pool = Pool(cfg, 0, calculator, data, started=40)
    found = pool.candidates(read(LABELS))
    assert len(found) == 40
    places = {split_position(candidate.structure, data.seed) for candidate in found}
    assert len(places) > 5
    assert min(places) >= cfg.data.val + cfg.data.test
