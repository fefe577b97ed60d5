"""What the HParams dashboard is told by several processes that write to one directory."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray
from tensorflow.python.summary.summary_iterator import summary_iterator
from tfoptcmp.tuners.observers import Counts
from tfoptcmp.workloads import get

from tests.programs import run
from tests.study.test_files import CONFIG
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status, Trial
from tfoptcmp.study.trial import TrialTask
from tfoptcmp.study.write import open_study
from tfoptcmp.training.tensorboard import TensorBoard, describe

ROOT = Path(__file__).parents[2]


def optimizers(directory):
    """The names that the dashboard lists."""
    events = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(directory))
    events.Reload()
    content = events.PluginRunToTagToContent("hparams")["."][metadata.EXPERIMENT_TAG]
    infos = metadata.parse_experiment_plugin_data(content).hparam_infos
    (found,) = [info for info in infos if info.name == "Optimizer"]
    return {value.string_value for value in found.domain_discrete.values}


@pytest.fixture(scope="module")
def signatures():
    return {name: get("digits_simple_cnn").signature(name) for name in ("sgd", "adam", "nadam")}


def test_a_study_that_begins_later_is_not_lost(tmp_path, signatures):
    """One process runs SGD, then NAdam; between them another one comes with Adam."""

    def begin(name, planned):
        config = CONFIG.__class__(
            **{**vars(CONFIG), "signature": signatures[name].to_json()},
        )
        with open_study(tmp_path / name, config):
            mine = [signatures[one] for one in planned]
            log = TensorBoard(signatures[name], lambda: describe(tmp_path, mine, "error"))
            log.on_study_begin(Counts(left=1))

    begin("sgd", ["sgd", "nadam"])
    assert optimizers(tmp_path) == {"sgd", "nadam"}
    begin("adam", ["adam"])
    begin("nadam", ["sgd", "nadam"])
    assert optimizers(tmp_path) == {"sgd", "adam", "nadam"}


def test_hyperparameters_as_used_come_first_and_searched_ones_say_so(tmp_path, signatures):
    describe(tmp_path, [signatures["adam"]], "error")
    events = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    events.Reload()
    content = events.PluginRunToTagToContent("hparams")["."][metadata.EXPERIMENT_TAG]
    infos = metadata.parse_experiment_plugin_data(content).hparam_infos
    assert sorted(info.name for info in infos) == [  # as the dashboard sorts them
        "Optimizer",
        *("beta_1", "beta_2", "decay_factor", "decay_steps", "epsilon", "learning_rate"),
        *("searched/alpha0_over_epsilon", "searched/decay_steps_fraction"),
        *("searched/one_minus_beta1", "searched/one_minus_beta2"),
    ]


def test_the_best_trial_so_far_has_its_optimizers_code(tmp_path, signatures):
    log = TensorBoard(signatures["sgd"], lambda: None)
    log.on_study_begin(Counts(left=3))
    arguments = {"learning_rate": 0.5, "decay_steps": 30, "decay_factor": 0.1}
    for index, best in enumerate((0.3, 0.3, 0.2)):
        directory = tmp_path / str(index)
        directory.mkdir()
        task = TrialTask(index=index, values={}, arguments=arguments, seeds={}, directory=directory)
        log.on_trial_begin(task)
        trial = Trial(
            index=index,
            status=Status.COMPLETE,
            values={},
            arguments=arguments,
            seeds={},
            started=0.0,
            steps=40,
        )
        log.on_trial_end(trial, Counts(left=2 - index, feasible=index + 1, best=best))
    texts = {
        int(path.parent.name): value.tensor.string_val[0].decode()
        for path in tmp_path.glob("*/events.*")
        for event in summary_iterator(str(path))
        for value in event.summary.value
        if value.tag == "best/optimizer"
    }
    assert set(texts) == {0, 2}
    assert texts[2].startswith("```python\n# the best trial so far, 2\nimport keras\n")
    assert "optimizer = keras.optimizers.SGD(learning_rate)" in texts[2]


def test_two_that_describe_at_once(tmp_path, signatures):
    failed = []

    def many(name):
        try:
            for _ in range(40):
                describe(tmp_path, [signatures[name]], "error")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=many, args=(name,)) for name in ("sgd", "adam")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(tmp_path.glob("events.*"))) == 1


def test_events_of_a_published_study_are_written_from_its_files(tmp_path):
    name = "rmsprop_default_epsilon"
    published = ROOT / f"results/cpu/digits_simple_cnn/default_epsilon-quasirandom/{name}"
    shutil.copytree(published, tmp_path / name)
    refused = run("pack", "--tensorboard", tmp_path)
    assert "--tensorboard goes with --unpack only" in refused.stderr
    for _ in range(2):  # what is there already is replaced
        run("pack", "--tensorboard", tmp_path, "--unpack").check_returncode()
    assert optimizers(tmp_path) == {name}
    whole = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"scalars": 0})
    events = whole.AddRunsFromDirectory(str(tmp_path))
    events.Reload()
    study = read_study(tmp_path / name)
    assert len(study.trials) >= 50
    for trial in study.trials:
        shown = events.Tensors(f"{name}/trials/{trial.index:06d}", "metric/validation")
        assert [(one.step, make_ndarray(one.tensor_proto)) for one in shown] == [
            (measured["step"], np.float32(measured["validation_metric"]))
            for measured in study.measurements(trial.index)
        ]
