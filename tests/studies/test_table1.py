"""Table I of the paper beside the composed configs."""

from ednn.studies.table1 import PAPER, values
from tests.commands.test_configs import composed


def test_the_configs_are_table_1() -> None:
    for name, paper in PAPER.items():
        here = values(composed(f"experiment={name}"))
        if name == "dft_paper":  # 70 % of 26,449, which the paper must have rounded up
            assert (here[0], paper[0]) == ("18514", "18515")
            here[0] = paper[0]
        assert here == paper
