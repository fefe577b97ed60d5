"""The spaces of a restricted study."""

from pathlib import Path

from tfoptcmp.analysis.ranges.restricted import restricted_spaces
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.restriction import parse_box
from tfoptcmp.spaces import Choice, LogUniform

DIGITS = Path(__file__).parents[3] / "results" / "cpu" / "digits_simple_cnn"


def test_spaces_of_the_restricted_study():
    (of,) = read_comparisons(DIGITS / "initial-quasirandom")
    box = parse_box(
        "adam:epsilon=1e-9..1e-7,momentum:momentum=0.5..0.99,nadam:alpha0=1e-4..1e-2,"
        "sgd:decay_factor=0.005..1"
    )
    spaces, missing = restricted_spaces(of, box)
    assert list(spaces) == ["adam", "momentum", "sgd"]
    adam = of.named("adam")
    assert spaces["adam"].dimensions == {
        **adam.dimensions,
        "epsilon": LogUniform(low=1e-9, high=1e-7),
    }
    assert spaces["momentum"].dimensions["one_minus_gamma"] == LogUniform(low=0.01, high=0.5)
    assert spaces["sgd"].dimensions["decay_factor"] == Choice(values=(0.01, 0.1))
    (reason,) = missing
    assert reason.startswith("NAdam: alpha0 is no dimension of its search space (alpha0_over_")
