"""The figures of the paper on the embedded digits: plan, studies, figure, claims."""

import shutil
from pathlib import Path

import pytest
from tfoptcmp.tools.reproduction.claims import CLAIMS
from tfoptcmp.tools.reproduction.drawing import DRAW, draw_and_save
from tfoptcmp.tools.reproduction.plans import FIGURES, with_optimizers, with_space, with_workloads

from tests.programs import run
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.rules import RULES
from tfoptcmp.study.read import read_config
from tfoptcmp.study.rounds import Plan, read_plan


def reproduce(figure, output_dir, *arguments, **start):
    flags = (f"--figure={figure}", f"--output_dir={output_dir}", *arguments)
    return run("reproduce", *flags, timeout=300, **start)


SMALL = (
    *("--workloads=digits_simple_cnn", "--steps=6", "--num_feasible=4"),
    *("--num_workers=1", "--threads_per_trial=1"),
)


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory):
    """Where the studies of figure 1 are already run."""
    directory = tmp_path_factory.mktemp("reproduction")
    done = reproduce(1, directory, *SMALL, "--optimizers=sgd,adam", fresh=True)
    assert done.returncode == 0, done.stderr
    assert "sgd, adam; 4 feasible trials each of 6 steps of 64, 8 of them to run" in done.stdout
    return directory


def test_every_figure_has_what_it_names():
    assert list(FIGURES) == ["1", "2", "3", "4", "5", "9", "10"]
    for plan in FIGURES.values():
        assert plan.draw in DRAW
        assert set(plan.claims) <= set(CLAIMS)
        assert all(set(panel.optimizers) <= set(RULES) for panel in plan.panels)
    assert {key for plan in FIGURES.values() for key in plan.claims} == set(CLAIMS)


def test_figures_with_everything_tuned_share_their_studies():
    main = [panel.directory for panel in FIGURES["1"].panels]
    for figure in ("2", "5", "9"):
        assert [panel.directory for panel in FIGURES[figure].panels] == main
    assert set(main) < {panel.directory for panel in FIGURES["10"].panels}


def test_figures_3_and_4_search_as_the_paper_did():
    assert [panel.search for panel in FIGURES["3"].panels] == [
        *("grid", "random", "quasirandom", "quasirandom")
    ]
    assert FIGURES["3"].panels[0].optimizers == ("sgd", "momentum", "rmsprop", "adam")
    assert {panel.search for panel in FIGURES["4"].panels} == {"random"}


def test_other_workloads_get_the_panels_of_the_first():
    plan = with_workloads(FIGURES["4"], ("digits_simple_cnn",))
    assert [(panel.workload, panel.space) for panel in plan.panels] == [
        ("digits_simple_cnn", space) for space in ("schneider_lr", "lr_and_schedule", "initial")
    ]
    final = with_space(plan, "final")
    assert [p.space for p in final.panels] == ["schneider_lr", "lr_and_schedule", "final"]
    fewer = with_optimizers(plan, ("adam", "sgd"))
    assert {panel.optimizers for panel in fewer.panels} == {("sgd", "adam")}


def test_only_panels_of_the_default_optimizers_take_others():
    wanted = ("nesterov", "rmsterov", "adamw")
    assert {p.optimizers for p in with_optimizers(FIGURES["1"], wanted).panels} == {wanted}
    with pytest.raises(ValueError, match=r"must be of .*'rmsprop', 'adam'.; got .*'adamw'"):
        with_optimizers(FIGURES["3"], ("sgd", "adamw"))


def test_figure_1(output_dir):
    text = (output_dir / "figure1-smoke.md").read_text()
    assert "| No general rule is worse than its special case, on validation and test. |" in text
    assert "| On ResNet-32 the choice of the optimizer hardly matters. | not run |" in text
    assert (output_dir / "figure1-smoke.png").stat().st_size > 5_000
    studies = output_dir / "smoke" / "digits_simple_cnn" / "initial-quasirandom"
    assert {path.name for path in studies.iterdir()} == {"sgd", "adam"}


def test_figures_are_drawn_again_without_training(output_dir, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(output_dir / "smoke", copy / "smoke")
    done = reproduce(1, copy, "--workloads=digits_simple_cnn,pydocs_lstm", "--draw_only")
    assert done.returncode == 0, done.stderr
    assert f"no study in {copy / 'smoke' / 'pydocs_lstm'}" in done.stdout
    name = "figure1-smoke.md"
    assert (copy / name).read_text() == (output_dir / name).read_text()
    nothing = reproduce(1, copy, "--workloads=digits_simple_cnn", "--space=final", "--draw_only")
    assert nothing.returncode == 2
    assert "none of the figure's studies is in" in nothing.stderr


def test_a_figure_without_trials_is_one_line(tmp_path):
    studies = tmp_path / "cpu" / "digits_simple_cnn" / "initial-quasirandom" / "adam"
    studies.mkdir(parents=True)
    published = Path(__file__).parents[2] / "results" / studies.relative_to(tmp_path)
    shutil.copy(published / "study.json", studies)
    workload = ("--workloads=digits_simple_cnn", "--scale=cpu", "--draw_only")
    done = reproduce(10, tmp_path, *workload)
    assert done.returncode == 2
    assert "--figure=10 cannot be drawn: targets must not be empty" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("figure", ["2", "5", "9"])
def test_figures_of_the_same_studies(output_dir, tmp_path, figure):
    plan = with_workloads(FIGURES[figure], ("digits_simple_cnn",))
    (panel,) = plan.panels
    (comparison,) = read_comparisons(output_dir / "smoke" / panel.directory)
    files = draw_and_save(plan.draw, [(panel, comparison)], tmp_path / "figure")
    assert files and all(path.stat().st_size > 5_000 for path in files)
    for key in plan.claims:
        answer = CLAIMS[key].check([(panel, comparison)])
        assert answer.ours
        assert answer.agrees in ("yes", "no", "cannot tell", "not run")


def test_figure_10_has_half_the_budget_too(output_dir):
    done = reproduce(10, output_dir, *SMALL, "--optimizers=sgd,adam")
    assert done.returncode == 0, done.stderr
    assert "initial-quasirandom: sgd, adam; 4 feasible trials each of 6 steps of 64, 0 of" in (
        done.stdout
    )
    assert "initial-quasirandom-steps_x0.5: sgd, adam; 4 feasible trials each of 3" in done.stdout
    assert (output_dir / "figure10-smoke-digits_simple_cnn.png").exists()


def test_figure_3_takes_whole_grids(tmp_path):
    done = reproduce(3, tmp_path, *SMALL, "--optimizers=sgd,rmsprop", "--plan")
    assert done.returncode == 0, done.stderr
    assert "wilson_lr_grid-grid: sgd, rmsprop; 6 or 5 feasible trials each" in done.stdout
    assert "wilson_momentum_epsilon-random: sgd, rmsprop; 4 feasible trials" in done.stdout
    assert "\n35 feasible trials" in done.stdout  # by hand: 6 + 5, and 2 * 4 in three panels


def test_refined_spaces_are_judged_in_the_last_round(tmp_path):
    refined = ("--space=refined", "--rounds=2", "--trials_per_round=15", "--optimizers=sgd")
    small = ("--workloads=digits_simple_cnn", "--steps=2", "--num_feasible=5")
    done = reproduce(1, tmp_path, *small, *refined, "--num_workers=2", "--threads_per_trial=1")
    assert done.returncode == 0, done.stderr
    directory = tmp_path / "smoke" / "digits_simple_cnn" / "refined-quasirandom"
    said = "refined-quasirandom: sgd; 15 + 5 feasible trials each of 2 steps of 64"
    assert f"{said}, 20 of them to run" in done.stdout
    assert "round 1 of 0 to 1: 5 feasible trials each, to be judged" in done.stdout
    assert read_plan(directory) == Plan(num_rounds=2, trials_per_round=15)
    assert read_config(directory / "round-0" / "sgd" / "study.json").num_feasible == 15
    (comparison,) = read_comparisons(directory)
    assert comparison.contestants[0].num_feasible == 5
    name = "figure1-smoke-refined.md"
    text = (tmp_path / name).read_text()
    # What is on record counts, and what flags leave open is as it is there.
    more = reproduce(1, tmp_path, *small[:2], "--num_feasible=7", *refined[::3], "--plan")
    assert "15 + 7 feasible trials each of 2 steps of 64, 2 of them to run" in more.stdout
    (tmp_path / name).unlink()
    drawn = reproduce(1, tmp_path, small[0], *refined[::3], "--draw_only")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / name).read_text() == text


def test_refining_is_for_panels_in_which_everything_is_tuned():
    plan = with_space(with_workloads(FIGURES["4"], ("digits_simple_cnn",)), "refined")
    assert [panel.directory.rpartition("/")[2] for panel in plan.panels] == [
        *("schneider_lr-random", "lr_and_schedule-random", "refined-random")
    ]
    assert [panel.first_space for panel in plan.panels][-1] == "initial"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--figure=1", "--rounds=4"), "--rounds goes with --space=refined only"),
        (
            ("--figure=1", "--space=refined", "--max_rounds=2", "--workloads=digits_simple_cnn"),
            "--max_rounds must be >= 3",
        ),
        (
            ("--figure=1", "--space=nowhere", "--workloads=digits_simple_cnn"),
            "'refined']; got 'nowhere'",
        ),
        (("--figure=1", "--workloads=nothing"), "there is no such workload"),
        (("--figure=4", "--optimizers=adamw"), "--optimizers must be of"),
        ((), "--figure must be one of"),
        (
            ("--figure=1", "--draw_only", "--steps=3"),
            "trains nothing: leave out --steps",
        ),
        (("--figure=wilson_toy", "--max_retries=2"), "tunes nothing: leave out --max_retries"),
        (("--figure=1", "--mock_data", "--num_workers=2"), "--mock_data is for one process"),
        (("--figure=1", "--distribution=multiworker"), "is for tfoptcmp-tune"),
        (("--figure=1", "--scale=huge", "--workloads=digits_simple_cnn"), "got 'huge'"),
    ],
)
def test_what_is_not_there_is_said_before_anything_runs(tmp_path, arguments, message):
    done = run("reproduce", f"--output_dir={tmp_path}", *arguments, timeout=120)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_mock_data_stand_in_for_what_is_missing_and_say_so(tmp_path):
    small = ("--steps=2", "--num_feasible=2", "--optimizers=sgd", "--tuning_budget=1")
    arguments = ("--workloads=fashion_mnist_simple_cnn", f"--data_dir={tmp_path}", *small)
    missing = reproduce(1, tmp_path, *arguments)
    assert missing.returncode == 2
    assert "--scale=smoke --mock_data" in missing.stderr
    done = reproduce(1, tmp_path, *arguments, "--mock_data")
    assert done.returncode == 0, done.stderr
    said = "PARTIAL DATA: MOCK DATA, random numbers instead of Fashion-MNIST"
    assert said in (tmp_path / "figure1-smoke.md").read_text()
    studies = tmp_path / "smoke" / "mock_data" / "fashion_mnist_simple_cnn"
    assert (studies / "initial-quasirandom" / "sgd" / "study.json").exists()


def test_mock_data_are_for_smoke(tmp_path):
    done = reproduce(1, tmp_path, "--mock_data", "--scale=cpu")
    assert done.returncode == 2
    assert "--mock_data is for --scale=smoke; got --scale=cpu" in done.stderr


def test_plan_runs_nothing(tmp_path):
    done = reproduce(9, tmp_path, *SMALL, "--optimizers=sgd", "--plan")
    assert done.returncode == 0, done.stderr
    assert "4 feasible trials, about" in done.stdout
    assert list(tmp_path.rglob("study.json")) == []


def test_the_toy_problem(tmp_path):
    done = reproduce("wilson_toy", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agrees: yes") == 2
    assert "Adam, default epsilon 40.0 %" in done.stdout
    assert (tmp_path / "wilson_toy.png").stat().st_size > 5_000
