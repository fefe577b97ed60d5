"""What the HParams dashboard is told by several processes that write to one directory."""

import threading

import pytest
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.plugins.hparams import metadata
from tfoptcmp.workloads import get

from tests.study.test_files import CONFIG
from tfoptcmp.study.write import open_study
from tfoptcmp.training.tensorboard import TensorBoard, describe


def optimizers(directory):
    """The names that the dashboard lists."""
    events = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(directory))
    events.Reload()
    content = events.PluginRunToTagToContent("hparams")["."][metadata.EXPERIMENT_TAG]
    infos = metadata.parse_experiment_plugin_data(content).hparam_infos
    (found,) = [info for info in infos if info.name == "optimizer"]
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
            log = TensorBoard(name, lambda: describe(tmp_path, mine, "error"))
            log.on_study_begin(None)

    begin("sgd", ["sgd", "nadam"])
    assert optimizers(tmp_path) == {"sgd", "nadam"}
    begin("adam", ["adam"])
    begin("nadam", ["sgd", "nadam"])
    assert optimizers(tmp_path) == {"sgd", "adam", "nadam"}


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
