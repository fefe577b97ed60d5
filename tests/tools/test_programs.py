"""The programs as a user runs them."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from tests.programs import run
from tfoptcmp.study.read import find_studies, read_study
from tfoptcmp.study.schema import STANDARD_ERRORS, Status

PROGRAMS = ("train", "tune", "report", "audit", "reproduce", "data")
ALONE = ("--num_workers=1", "--threads_per_trial=1")  # no process for workers is started


def tune(study_dir, *arguments, **start):
    return run(
        "tune",
        "--workload=digits_simple_cnn",
        "--scale=smoke",
        "--steps=6",
        "--num_feasible=3",
        "--target=60",
        f"--study_dir={study_dir}",
        *arguments,
        **start,
    )


@pytest.fixture(scope="module")
def without_tensorflow(tmp_path_factory):
    """PYTHONPATH with a TensorFlow that cannot be imported."""
    directory = tmp_path_factory.mktemp("without")
    (directory / "tensorflow.py").write_text("raise ImportError('not here')")
    return os.pathsep.join([str(directory), os.getcwd()])


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Two small studies, and what the program printed."""
    directory = tmp_path_factory.mktemp("studies")
    done = tune(directory, "--optimizers=sgd,momentum", fresh=True)
    assert done.returncode == 0, done.stderr
    return directory, done


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_quick_grouped_and_no_error(program):
    start = time.monotonic()
    done = run(program, "--help", fresh=True)
    assert done.returncode == 0
    assert time.monotonic() - start < 5  # about 0.2 s where the machine has nothing else to do
    assert "Output:\n" in done.stdout
    assert "tensorflow" not in done.stderr.lower()


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_needs_no_heavy_import(program):
    code = (
        f"import sys; sys.argv = ['{program}', '--help']\n"
        f"from tools import {program}\n"
        f"try: {program}.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'keras_tuner', 'matplotlib', 'pandas', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


EXECUTION = ("num_workers", "ray_address", "max_retries", "accept_version_changes")
DEVICES = ("distribution", "tpu", "mixed_precision", "jit_compile")
CHECKPOINTS = ("checkpoint_every_steps", "checkpoint_every_minutes", "keep_checkpoints", "durable")
# Frozen: a flag that disappears or is renamed breaks people's scripts.
FLAGS = {
    "train": {
        *("workload", "optimizer", "data_dir", "space", "search", "trial", "set", "scale"),
        *("steps", "batch_size", "eval_every_steps", "seed", "threads_per_trial", "output_dir"),
        *("import_module", "space_file", "measure_all", "from_trial", "repeat", "save_model"),
        *DEVICES,
        *CHECKPOINTS,
    },
    "tune": {
        *("workload", "optimizers", "data_dir", "space", "search", "scale", "steps"),
        *("batch_size", "eval_every_steps", "num_feasible", "max_trials", "seed"),
        *("threads_per_trial", "study_dir", "plan", "tensorboard", "import_module", "rerun_best"),
        *("space_file", "until_decided", "max_feasible", "pairs", "tuning_budget", "target"),
        *("refine", "rounds", "trials_per_round", "max_rounds", "measure_all", "list"),
        *EXECUTION,
        *DEVICES,
        *CHECKPOINTS,
    },
    "report": {
        *("study_dir", "csv", "tuning_budget", "maximize", "margin", "restrict", "write_space"),
        *("output_dir", "figure_format", "json", "best", "map", "range", "ignore"),
    },
    "audit": {
        *("csv", "columns", "claim", "tuning_budget", "maximize", "margin", "json"),
        *("map", "range", "ignore", "write_map", "format"),
    },
    "reproduce": {
        *("figure", "workloads", "optimizers", "data_dir", "scale", "steps", "num_feasible"),
        *("tuning_budget", "seed", "threads_per_trial", "output_dir", "plan", "mock_data"),
        *("space", "draw_only", "rounds", "trials_per_round", "max_rounds", "measure_all"),
        *EXECUTION,
        *DEVICES,
        *CHECKPOINTS,
    },
    "data": {"workload", "prepare", "data_dir", "manual_dir"},
    "pack": {"unpack"},
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_flags_are_the_frozen_list(program):
    found = re.findall(r"^  --(?:\[no\])?(\w+)", run(program, "--help").stdout, flags=re.MULTILINE)
    assert len(found) == len(set(found))
    assert set(found) == FLAGS[program]


def test_a_program_does_not_know_the_flags_of_others():
    done = run("report", "--num_workers=2", "nowhere")
    assert done.returncode == 1
    assert "Unknown command line flag 'num_workers'" in done.stderr


def test_a_question_mark_among_optimizers_lists_them():
    done = run("tune", "--optimizers=adam,?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Optimizers (--optimizers=a,b)")


BAD = {
    "unknown workload": (
        ("train", "--workload=mnist", "--optimizer=sgd"),
        "--workload must be one of ['fashion_mnist_simple_cnn'",
    ),
    "no workload": (("tune", "--study_dir=x"), "got nothing"),
    "unknown optimizer": (
        ("tune", "--workload=digits_simple_cnn", "--optimizers=sgd,adahessian", "--study_dir=x"),
        "must be one of ['sgd', 'momentum', 'nesterov',",
    ),
    "same optimizer twice": (
        ("tune", "--workload=digits_simple_cnn", "--optimizers=sgd,sgd", "--study_dir=x"),
        "--optimizers must name different rules",
    ),
    "same optimizer by two names": (
        ("tune", "--workload=digits_simple_cnn", "--optimizers=sgd,SGD", "--study_dir=x"),
        "--optimizers must name different rules",
    ),
    "an optimizer's name with a slip": (
        ("tune", "--workload=digits_simple_cnn", "--optimizers=adm", "--study_dir=x"),
        "got 'adm': did you mean adam? (tfoptcmp-tune --list",
    ),
    "no study_dir": (("tune", "--workload=digits_simple_cnn"), "--study_dir must be given"),
    "unknown space": (
        ("train", "--workload=digits_simple_cnn", "--optimizer=sgd", "--space=nowhere"),
        "must be one of ['initial'",
    ),
    "unknown scale": (
        ("train", "--workload=digits_simple_cnn", "--optimizer=sgd", "--scale=huge"),
        "must be one of ['paper', 'cpu', 'smoke']",
    ),
    "unknown hyperparameter": (
        ("train", "--workload=digits_simple_cnn", "--optimizer=sgd", "--set=epsilon=1"),
        "--set: name must be one of",
    ),
    "hyperparameter out of range": (
        ("train", "--workload=digits_simple_cnn", "--optimizer=sgd", "--set=eta0=-1"),
        "eta0 must lie in (0, inf)",
    ),
    "cap below the number of trials": (
        (
            *("tune", "--workload=digits_simple_cnn", "--study_dir=x"),
            *("--num_feasible=5", "--max_trials=4"),
        ),
        "--max_trials must be >= 5; got 4",
    ),
    "a target that no error can have": (
        ("tune", "--workload=digits_simple_cnn", "--study_dir=x", "--target=200"),
        "--target must be a number from 0 to 100, percent; got 200",
    ),
    "report on nothing": (("report",), "name at least one study directory"),
    "report on no directory": (("report", "nowhere"), "nowhere cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_message_before_tensorflow_is_imported(
    case, tmp_path, without_tensorflow, monkeypatch
):
    (program, *arguments), message = BAD[case]
    monkeypatch.chdir(tmp_path)
    done = run(program, *arguments, PYTHONPATH=without_tensorflow)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_missing_data_are_named_within_seconds_and_nothing_is_written(tmp_path):
    start = time.monotonic()
    done = run(
        "tune",
        "--workload=fashion_mnist_simple_cnn",
        f"--data_dir={tmp_path / 'data'}",
        f"--study_dir={tmp_path / 'studies'}",
    )
    assert done.returncode == 2
    assert time.monotonic() - start < 60  # not TFDS's 205 s of silence
    assert "fashion_mnist" in done.stderr
    assert str(tmp_path / "data") in done.stderr
    assert "--data_dir" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_train_prints_measurements_and_writes_its_files(tmp_path):
    done = run(
        "train",
        "--workload=digits_simple_cnn",
        "--optimizer=nadam",
        "--steps=6",
        "--eval_every_steps=4",
        "--trial=2",
        f"--output_dir={tmp_path}",
        fresh=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("COMPLETE")
    rows = (tmp_path / "measurements.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "4", "6"]
    assert (tmp_path / "model.keras").exists()
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_tune_writes_studies_with_as_many_feasible_trials_as_asked(studies):
    directory, done = studies
    assert "3/3 feasible" in done.stderr
    assert "steps of 64, target 60.00 %\n" in done.stdout
    found = [read_study(path) for path in find_studies(directory)]
    assert [study.name for study in found] == ["momentum", "sgd"]
    for study in found:
        assert study.config.budget["target"] == 0.6
        statuses = [trial.status for trial in study.trials]
        assert statuses.count(Status.COMPLETE) == 3
        for trial in study.trials:
            measured = study.measurements(trial.index)
            if trial.status is Status.COMPLETE:
                assert measured[-1]["step"] == 6
                final = {n: v for n, v in trial.final.items() if n not in STANDARD_ERRORS}
                assert measured[-1] == final
                assert trial.final["test_standard_error"] > 0
    momentum, sgd = found
    # Trial i of every optimizer starts alike.
    assert [t.seeds for t in momentum.trials[:3]] == [t.seeds for t in sgd.trials[:3]]


def test_tune_again_changes_nothing_and_more_trials_go_on(studies):
    directory, _ = studies
    before = {path: path.read_bytes() for path in directory.rglob("*.*") if path.is_file()}
    assert tune(directory, "--optimizers=sgd,momentum", "--notensorboard", *ALONE).returncode == 0
    after = {path: path.read_bytes() for path in directory.rglob("*.*") if path.is_file()}
    assert after == before


def test_tune_refuses_a_study_with_other_settings_before_it_starts(studies):
    directory, _ = studies
    done = tune(directory, "--optimizers=nesterov,sgd", "--seed=1", *ALONE)
    assert done.returncode == 2
    assert "seed: 0 recorded, 1 now" in done.stderr
    assert not (directory / "nesterov").exists()


def test_tune_refuses_a_directory_that_is_no_study(tmp_path):
    (tmp_path / "sgd").mkdir()
    (tmp_path / "sgd" / "thesis.tex").write_text("do not touch")
    done = tune(tmp_path, "--optimizers=sgd", *ALONE)
    assert done.returncode == 2
    assert "holds no study.json" in done.stderr
    assert [path.name for path in (tmp_path / "sgd").iterdir()] == ["thesis.tex"]


def test_plan_prints_spaces_and_time_and_writes_nothing(tmp_path):
    done = tune(tmp_path / "studies", "--optimizers=sgd,adam", "--plan")
    assert done.returncode == 0, done.stderr
    assert "alpha0_over_epsilon" in done.stdout
    assert "2 optimizers x 3 feasible trials" in done.stdout
    assert not (tmp_path / "studies").exists()


def test_report_prints_table_and_verdicts_and_writes_its_files(studies, tmp_path):
    directory, _ = studies
    done = run("report", f"--study_dir={directory}", f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "Momentum" in done.stdout
    assert "SGD <= Momentum" in done.stdout
    html = (tmp_path / "report.html").read_text()
    assert "Momentum" in html
    assert list(tmp_path.glob("*.png"))


def test_report_works_where_tensorflow_is_not(studies, tmp_path, without_tensorflow):
    directory, _ = studies
    done = run(
        "report",
        str(directory),
        f"--output_dir={tmp_path / 'report'}",
        PYTHONPATH=without_tensorflow,
    )
    assert done.returncode == 0, done.stderr


def test_tensorboard_finds_the_hyperparameters(studies):
    """The HParams plugin's own view of the directory."""
    from tensorboard.backend.event_processing import plugin_event_multiplexer
    from tensorboard.plugins.hparams import metadata

    directory, _ = studies
    events = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(directory))
    events.Reload()
    content = events.PluginRunToTagToContent("hparams")
    experiment = metadata.parse_experiment_plugin_data(content["."][metadata.EXPERIMENT_TAG])
    names = {info.name for info in experiment.hparam_infos}
    assert {"Optimizer", "searched/eta0", "searched/one_minus_gamma"} <= names
    assert {"momentum", "learning_rate"} <= names
    assert "metric/validation" in {info.name.tag for info in experiment.metric_infos}
    sessions = {run for run, tags in content.items() if metadata.SESSION_START_INFO_TAG in tags}
    ended = {run for run, tags in content.items() if metadata.SESSION_END_INFO_TAG in tags}
    expected = {
        f"{study.name}/trials/{trial.index:06d}"
        for study in map(read_study, find_studies(directory))
        for trial in study.trials
    }
    assert sessions == ended == expected
    scalars = events.PluginRunToTagToContent("scalars")
    assert {"metric/validation", "loss/train", "optimizer/gradient_rms"} <= set(
        scalars["sgd/trials/000000"]
    )


def test_provenance_is_recorded(studies):
    directory, _ = studies
    config = json.loads((directory / "sgd" / "study.json").read_text())
    assert config["versions"]["tensorflow"]
    assert "--optimizers=sgd,momentum" in config["provenance"]["command"]


def test_the_winners_are_run_again(studies):
    directory, _ = studies
    done = tune(directory, "--optimizers=sgd,momentum", "--rerun_best=2", "--num_workers=2")
    assert done.returncode == 0, done.stderr
    for study in find_studies(directory):
        assert len(list(study.glob("reruns/*/metadata.json"))) == 2
        assert len(read_study(study).trials) == 3  # still


@pytest.mark.parametrize("command", ["pack --help", "audit --columns"])
def test_a_full_disk_for_the_output_is_one_line(command):
    shell = f"{sys.executable} -m tfoptcmp.tools.{command} > /dev/full"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(": the output cannot be written: No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", ["report", "tune", "pack"])
def test_a_name_that_no_file_can_have_is_one_line(program, tmp_path):
    name = str(tmp_path / ("n" * 300))
    arguments = {
        "report": [name],
        "pack": [name],
        "tune": ["--workload=digits_simple_cnn", "--scale=smoke", f"--study_dir={name}", *ALONE],
    }[program]
    done = run(program, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "File name too long" in done.stderr or "must be a directory" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_closed_standard_files_are_no_error(closed, tmp_path):
    kept = tmp_path / "kept"
    shell = f"{sys.executable} -m tfoptcmp.tools.pack --help {closed}; echo $? > {kept}"
    subprocess.run(["sh", "-c", shell], capture_output=True, check=True)
    assert kept.read_text() == "0\n"
