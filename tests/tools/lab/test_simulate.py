"""The short form of `python -m tools.lab.simulate`: the truth, what the rule does, what is noticed.

Numbers of studies are small. Each bound lies three standard errors or more from what the long form
found (docs/simulation.md).
"""

import ast
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import lognorm
from tfoptcmp.tools.lab.simulate import populations, studies
from tfoptcmp.tools.lab.simulate.populations import MADE, digits, true_means

from tests import programs
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.statistics.looks import planned_looks, spent
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.quantities import selection_and_values
from tfoptcmp.analysis.statistics.resamples import NUM_RESAMPLES, resampled_counts
from tfoptcmp.analysis.statistics.verdicts import Verdict

FINAL = Path(__file__).parents[3] / "results/cpu/digits_simple_cnn/final-quasirandom"


@pytest.fixture(scope="module")
def comparison():
    (one,) = read_comparisons([str(FINAL)])
    return one


# Theory: P(one trial's error > x).
SURVIVALS = {
    "log_normal": lambda x: lognorm.sf(x, 0.6, scale=0.05),
    "failures": lambda x: 0.6 * (x < 0.9) + 0.4 * lognorm.sf(x, 0.4, scale=0.05),
    "heavy_tailed": lambda x: min(1.0, (0.03 / x) ** 0.5),
    # The least multiple above x is what 270 times the error must round to.
    "ties": lambda x: lognorm.sf(np.floor(270 * x) + 0.5, 0.5, scale=13.5) if x > 1 / 270 else 1.0,
    "rare_luck": lambda x: (
        0.05 * lognorm.sf(x, 0.2, scale=0.03) + 0.95 * lognorm.sf(x, 0.2, scale=0.08)
    ),
}


@pytest.mark.parametrize("name", SURVIVALS)
def test_true_means_are_those_of_the_integral(name):
    found = true_means(MADE[name], [2, 10], seed=0, num_practitioners=20_000)
    for k, means in found.items():
        middles = (np.arange(2700) + 0.5) / 2700
        theory = np.mean([SURVIVALS[name](x) ** k for x in middles])
        assert means == pytest.approx([theory, theory], rel=0.04)


def test_true_means_select_by_one_number_and_report_another(comparison):
    pair = digits(comparison, "sgd", "momentum")
    found = true_means(pair, [10], seed=0, num_practitioners=40_000)[10]
    for name, mean in zip(("sgd", "momentum"), found, strict=True):
        one = comparison.named(name)
        selection, values = selection_and_values(one, "test")
        # Theory: the density of the jittered selection, and P(the nine others lie above it).
        x = np.linspace(0, 1, 30_001)
        above = np.clip((selection[:, None] + 1 / 600 - x) * 300, 0, 1)
        chosen = -np.diff(above.mean(axis=0) ** 10)
        share = -np.diff(above, axis=1)
        theory = np.sum(chosen * (values @ share) / np.maximum(share.sum(axis=0), 1e-300))
        assert mean == pytest.approx(theory, rel=0.01)


def test_the_truth_uses_nothing_of_the_statistics_under_test():
    tree = ast.parse(Path(populations.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in modules if name.startswith("tfoptcmp.analysis.statistics")]


def test_interval_and_verdict_are_those_of_a_report(comparison):
    # Of these two the first 100 trials are feasible; others would add numbers to draw from.
    a, b = (one for one in comparison.contestants if one.name in ("sgd", "momentum"))
    comparison = dataclasses.replace(comparison, contestants=(a, b))
    trials = tuple(selection_and_values(one, "test") for one in (a, b))
    counts = resampled_counts(100, NUM_RESAMPLES, seed=(0,))
    look = studies._Look(trials, 100, [10], (counts, counts), MADE["random_points"])
    found, mean = look.difference(10, 1.0)
    reported = means_of(comparison).difference(a, b, "test", 10)
    assert found.estimate == reported.estimate
    assert found.interval(0.05) == reported.interval(0.05)
    assert mean == means_of(comparison).mean(a, "test", 10)


def test_scaling_the_means_is_scaling_the_trials():
    counts = tuple(resampled_counts(20, 200, seed=(side,)) for side in range(2))
    a, b = MADE["ties"].trials(np.random.default_rng(0), 20)
    looks = [
        studies._Look((a, one), 20, [2], counts, MADE["ties"])
        for one in (b, (1.5 * b[0], 1.5 * b[1]))
    ]
    one, other = looks[0].difference(2, 1.5)[0], looks[1].difference(2, 1.0)[0]
    assert one.interval(0.05) == pytest.approx(other.interval(0.05), rel=1e-12)


def simulated(name, plans, num_studies=200, **settings):
    """Cells by K and scenario."""
    budgets = list(plans)
    truth = true_means(MADE[name], budgets, seed=0, num_practitioners=20_000)
    known = studies.Settings(num_studies=num_studies, num_resamples=500, **settings)
    *_, cells = studies.simulate(name, MADE[name], truth, plans, known)
    assert {cell.num_studies for cell in cells} == {num_studies}
    return {(cell.tuning_budget, cell.scenario): cell for cell in cells}


# Recorded, with three standard errors taken off: the least power where b is 50 % worse.
POWER = {"log_normal": 0.55, "failures": 0.06, "ties": 0.7, "random_points": 0.58}


@pytest.mark.parametrize(("name", "power"), POWER.items())
def test_coverage_false_alarms_and_power(name, power):
    cells = simulated(name, {5: (50,)})
    assert cells[5, "equal"].coverage > 0.87
    assert cells[5, "equal"].share(Verdict.VIOLATED, Verdict.BETTER) < 0.12
    assert cells[5, "at the margin"].share(Verdict.VIOLATED) < 0.08
    less, more = (cells[5, f"{p} % worse"].share(Verdict.VIOLATED) for p in (25, 50))
    assert less < more
    assert more > power
    assert cells[5, "50 % worse"].share(Verdict.HOLDS, Verdict.EQUIVALENT, Verdict.BETTER) < 0.02


def test_power_of_a_threshold_on_a_normal_estimate():
    quantiles = ndtri((np.arange(2000) + 0.5) / 2000)
    cells = [
        studies.Cell(
            population="normal",
            looks=(50,),
            tuning_budget=5,
            scenario="",
            difference=0.0,
            excess=list(quantiles + shift),
        )
        for shift in (0.0, 2.8)
    ]
    # Theory: P(Z > 1.96 - 2.8).
    assert studies.power_of_threshold(*cells) == pytest.approx(ndtr(2.8 - ndtri(0.975)), abs=2e-3)


def test_a_rule_that_is_too_bold_is_noticed(monkeypatch):
    monkeypatch.setattr(studies, "LEVEL", 0.5)
    cells = simulated("log_normal", {5: (50,)}, num_studies=100)
    assert cells[5, "equal"].coverage < 0.65
    assert cells[5, "at the margin"].share(Verdict.VIOLATED) > 0.12


def test_halton_points_make_intervals_wide():
    halton = simulated("halton_points", {5: (50,)}, num_studies=100)[5, "equal"]
    assert halton.coverage > 0.97


# By hand.
LOOKS = {
    (160, 4): (20, 40, 80, 160),
    (160, 10): (80, 160),
    (100, 5): (40, 80, 100),
    (20, 4): (20,),
}


@pytest.mark.parametrize(("plan", "expected"), LOOKS.items())
def test_looks_and_what_they_spend(plan, expected):
    assert planned_looks(*plan) == expected
    levels = spent(expected, 3, 0.05)
    assert sum(levels) == pytest.approx(0.05 / 3)
    last = 0.05 * (expected[-1] - (0, *expected)[-2]) / expected[-1] / 3
    assert levels[-1] == pytest.approx(last)


def test_looks_find_few_false_alarms_and_stop_early():
    looks = planned_looks(80, 4)
    cells = simulated("log_normal", {4: looks}, 150)
    assert cells[4, "at the margin"].share(Verdict.VIOLATED) < 0.09
    assert cells[4, "equal"].share(Verdict.VIOLATED, Verdict.BETTER) < 0.1
    fixed = simulated("log_normal", {4: (80,)}, 150)
    power = [one[4, "50 % worse"].share(Verdict.VIOLATED) for one in (cells, fixed)]
    assert power[0] > power[1] - 0.15
    assert cells[4, "50 % worse"].mean_trials < 75
    strict = simulated("log_normal", {4: looks}, 50, num_pairs=15)[4, "50 % worse"]
    assert strict.mean_trials > cells[4, "50 % worse"].mean_trials


def run(*flags):
    return programs.run("lab.simulate", *flags, fresh=True)


def test_the_program_prints_a_table_and_writes_the_counts(tmp_path):
    flags = ("--only=log_normal,final_adam_twice", "--trials=20,50", "--tuning_budgets=2,10")
    small = ("--num_studies=10", "--num_resamples=100", "--num_practitioners=1000")
    done = run(*flags, *small, f"--json={tmp_path / 'cells.json'}")
    assert done.returncode == 0, done.stderr
    headings = [line.split("  ")[0] for line in done.stdout.splitlines() if line.startswith("N = ")]
    assert headings == ["N = 20; K = 2", "N = 50; K = 2", "N = 50; K = 10"]
    assert "log_normal, N = 20: 10 studies, 0 s to go" in done.stderr
    written = json.loads((tmp_path / "cells.json").read_text())
    assert len(written["cells"]) == 2 * 3 * len(studies.SCENARIOS)
    assert all(sum(cell["verdicts"].values()) == 10 for cell in written["cells"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--only=fire"], "--only must be of ['final_sgd_momentum', "),
        (["--trials=many"], "--trials must be integers >= 1; got 'many'"),
        (["--trials=19", "--tuning_budgets=2"], "there is no verdict: N = 19 feasible"),
        (["--num_pairs=2"], "--num_pairs divides the level of looks"),
    ],
)
def test_bad_input_gets_one_clear_message(flags, message):
    done = run(*flags)
    assert done.returncode == 2
    assert message in done.stderr
