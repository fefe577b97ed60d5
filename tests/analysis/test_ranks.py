"""Numbers in order, and that nothing sorts the same trials twice."""

import numpy as np
import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.ranks import ranks_of
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics import means


def test_equal_numbers_are_a_group():
    ranks = ranks_of([3.0, np.inf, 1.0, 3.0, np.inf, -np.inf])
    assert len(ranks) == 6
    assert list(ranks.order) == [5, 2, 0, 3, 1, 4]  # by hand
    assert list(ranks.distinct) == [-np.inf, 1.0, 3.0, np.inf]
    assert list(ranks.sizes) == [1, 1, 2, 2]
    assert list(ranks.groups) == [2, 3, 1, 2, 3, 0]
    assert ranks_of(ranks) is ranks


def test_groups_are_those_of_numpy():
    values = np.random.default_rng(0).integers(50, size=1000).astype(float)
    ranks = ranks_of(values)
    distinct, groups, sizes = np.unique(values, return_inverse=True, return_counts=True)
    assert np.array_equal(ranks.distinct, distinct)
    assert np.array_equal(ranks.groups, groups)
    assert np.array_equal(ranks.sizes, sizes)


def test_no_numbers_have_no_groups_and_a_table_is_refused():
    assert len(ranks_of([]).sizes) == 0
    with pytest.raises(ValueError, match=r"must be a list of numbers; got an array of \(2, 1\)"):
        ranks_of(np.zeros((2, 1)))


def test_an_audit_sorts_the_trials_once_by_each_metric(monkeypatch, tmp_path):
    """Of a million rows, sorting them again for every question took a third of the time."""
    rng, num = np.random.default_rng(0), 321
    rows = [
        f"{optimizer},{rng.random()},{rng.random()},{10 ** rng.uniform(-4, 0)}"
        for optimizer in ("sgd", "momentum")
        for _ in range(num)
    ]
    path = tmp_path / "results.csv"
    path.write_text("\n".join(["optimizer,validation,test,learning_rate", *rows]))
    comparisons = read_comparisons(path)
    monkeypatch.setattr(means, "_MANY", num - 1)
    sorts = []
    argsort = np.argsort

    def counted(values, *args, **kwargs):
        sorts.append(len(values))
        return argsort(values, *args, **kwargs)

    monkeypatch.setattr(np, "argsort", counted)
    audit(comparisons)
    assert sorts.count(num) == 2 * 2  # of two optimizers: validation and test
