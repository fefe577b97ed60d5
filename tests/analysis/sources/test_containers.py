"""What importers of several tools have in common: finding projects, and saying what they lack."""

import json

import pytest

from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.containers import find_beside, why
from tfoptcmp.study.files import CannotRead
from tfoptcmp.study.schema import StudyError


def test_a_link_that_leads_nowhere_is_no_project(tmp_path):
    (tmp_path / "adam").mkdir()
    (tmp_path / "adam" / "x.json").touch()
    (tmp_path / "latest").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    assert find_beside(tmp_path, "*/x.json") == [tmp_path / "adam" / "x.json"]
    assert find_beside(tmp_path / "nothing", "*/x.json") == []
    (tmp_path / "7").symlink_to("nowhere")
    with pytest.raises(CannotRead, match="7 cannot be read: it is a link that leads nowhere"):
        find_beside(tmp_path, "*/x.json")


def keras_tuner(write):
    metric = {"direction": "min", "observations": [{"value": [0.5], "step": 0}]}
    space = [{"class_name": "Fixed", "config": {"name": "lr", "value": 0.1, "conditions": []}}]
    state = {
        "hyperparameters": {"space": space, "values": {"lr": 0.1}},
        "metrics": {"metrics": {"val_loss": metric}},
        "score": 0.5,
        "best_step": 0,
        "status": "COMPLETED",
    }
    return write(json.dumps(state), "all/adam/trial_0/trial.json")


def ray_tune(write):
    write(json.dumps({"optimizer": "adam", "lr": 0.1}), "all/adam/a/params.json")
    write('{"val_loss": 0.5, "done": true}\n', "all/adam/a/result.json")
    return write('{"trial_data": []}', "all/adam/experiment_state-1.json")


def sacred(write):
    write('{"optimizer": "adam", "lr": 0.1}', "all/adam/1/config.json")
    state = {"experiment": {"name": "x"}, "result": {"val_loss": 0.5}, "status": "COMPLETED"}
    return write(json.dumps(state), "all/adam/1/run.json")


def hydra(write):
    write("optimizer: adam\nlr: 0.1\n", "all/adam/1/.hydra/config.yaml")
    return write('{"val_loss": 0.5}', "all/adam/1/metrics.json")


def mlflow(write):
    write("experiment_id: '1'\nlifecycle_stage: active\nname: x\n", "all/adam/meta.yaml")
    write("adam", "all/adam/ab/params/optimizer")
    write("1 0.5 0\n", "all/adam/ab/metrics/val_loss")
    text = "run_id: ab\nlifecycle_stage: active\nstatus: 3\n"
    return write(text, "all/adam/ab/meta.yaml")


@pytest.mark.parametrize("tool", [keras_tuner, ray_tune, sacred, hydra, mlflow])
def test_a_broken_link_beside_a_project_is_passed_over(tmp_path, write, tool):
    """The source that was asked first refused the whole directory."""
    tool(write)
    for folder in (tmp_path / "all", tmp_path / "all" / "adam"):
        (folder / "latest").symlink_to("nowhere")
    for folder in (tmp_path / "all", tmp_path / "all" / "adam"):
        (comparison,) = read_comparisons(folder)
        (adam,) = comparison.contestants
        assert (adam.name, len(adam.trials)) == ("adam", 1)


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        *((keras_tuner, field) for field in ("score", "status", "best_step", "metrics")),
        *((sacred, "status"), (mlflow, "status")),
    ],
)
def test_a_field_that_is_missing_is_named(tmp_path, write, tool, field):
    path = tool(write)
    if path.suffix == ".json":
        state = json.loads(path.read_text())
        del state[field]
        path.write_text(json.dumps(state))
    else:
        path.write_text(path.read_text().replace(field, "x"))
    with pytest.raises(StudyError, match=f"{path} is not a .*: it lacks the field '{field}'$"):
        read_comparisons(tmp_path / "all")


def test_errors_are_said_in_words():
    assert why(KeyError("a")) == "it lacks the field 'a'"
    assert why(IndexError()) == "it refers to something that is not in it"
    assert "another kind" in why(TypeError("x"))
    assert why(ValueError("no number")) == "no number"
