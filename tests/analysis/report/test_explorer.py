"""The data of the explorer: those of the trials, small, and harmless in a page."""

import json
from dataclasses import replace

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report import explorer
from tfoptcmp.analysis.report.explorer import explorer_data


@pytest.fixture
def comparison(six_rules):
    (found,) = read_comparisons(six_rules)
    return found


def test_trials_as_users_know_them(comparison):
    data = json.loads(explorer_data(comparison))
    assert data["unit"] == "%"
    assert [one["title"] for one in data["optimizers"]] == [
        one.title for one in comparison.contestants
    ]
    for one, shown in zip(comparison.contestants, data["optimizers"], strict=True):
        assert len(shown["trials"]) == len(one.ended)
        for (number, validation, _, values, curve), (_, row) in zip(
            shown["trials"], one.ended.iterrows(), strict=True
        ):
            assert number == row["trial"]
            if not row["feasible"]:
                assert validation is None
                continue
            assert validation == pytest.approx(100 * row["validation_metric"], rel=1e-3)
            known = dict(zip(data["names"], values, strict=True))
            for name, value in one.values_of(row).items():
                assert known[name] == pytest.approx(value, rel=1e-3)
            rows = one.measurements[one.measurements["trial"] == number]
            assert curve[0] == rows["step"].tolist()


def test_a_name_cannot_end_the_element(comparison):
    first, *others = comparison.contestants
    hostile = replace(first, title="</script><script>alert(1)</script>")
    data = explorer_data(replace(comparison, contestants=(hostile, *others)))
    assert "<" not in data
    assert json.loads(data)["optimizers"][0]["title"] == hostile.title


def test_of_many_trials_some_are_there(comparison, monkeypatch):
    total = sum(len(one.ended) for one in comparison.contestants)
    monkeypatch.setattr(explorer, "MOST_TRIALS", total // 2)
    data = json.loads(explorer_data(comparison))
    assert data["every"] == 3 if total % 2 else data["every"] == 2
    assert sum(len(one["trials"]) for one in data["optimizers"]) <= total // 2 + 6
