"""Best trials at an edge of their space are found."""

import numpy as np

from tests.analysis.audit.made import clean_table, of_rule, planted
from tfoptcmp.analysis.audit import audit


def test_an_optimum_beyond_the_edge():
    table = clean_table()
    rows = of_rule(table, "sgd")
    # The better, the larger the rate: the optimum lies above the range.
    table.loc[rows, ["validation", "test"]] -= np.outer(
        0.02 * np.log10(table[rows]["eta0"]), (1, 1)
    )
    findings = audit([planted(table)])
    edge = [f for f in findings if f.title.startswith("best trials crowd")]
    assert [f.title for f in edge] == ["best trials crowd the high edge of the search space"]
    assert edge[0].subject == "planted: sgd, eta0"
    assert "5 of the 5 best trials lie in the outermost 20 %" in edge[0].evidence


def test_an_edge_beyond_which_nothing_is_allowed():
    table = clean_table()
    rows = of_rule(table, "momentum")
    table.loc[rows, ["validation", "test"]] -= np.outer(
        0.005 * np.log10(table[rows]["one_minus_gamma"]), (1, 1)
    )
    assert audit([planted(table)]) == []  # momentum 0 is the best: there is nothing below
