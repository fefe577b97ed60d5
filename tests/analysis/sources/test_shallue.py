import json

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Choice, LogUniform, Uniform

_SHALLUE = {
    "batch_size": 256,
    "dataset": "imagenet",
    "early_stopping": False,
    "model": "resnet_50",
    "optimizer": "nesterov_momentum",
    "parameter_configs": {
        "learning_rate": {
            "max_value": 10.0,
            "min_value": 0.0001,
            "scale": "LOG_SCALE",
            "type": "DOUBLE",
        },
        "momentum": {
            "max_value": 0.9999,
            "min_value": 0.9,
            "scale": "REVERSE_LOG_SCALE",
            "type": "DOUBLE",
        },
        "label_smoothing": {"feasible_points": [0.0, 0.01, 0.1], "type": "DISCRETE"},
        "learning_rate_decay_steps": {
            "max_value": 600000,
            "min_value": 300000,
            "scale": "",
            "type": "INTEGER",
        },
    },
    "train_steps": 600000,
}


def _shallue_trial(write, folder, trial, status, error, steps=600000):
    parameters = {
        "label_smoothing": 0.01,
        "learning_rate": 0.01 * (1 + trial),
        "learning_rate_decay_steps": 500000,
        "momentum": 0.98,
    }
    metadata = {"parameters": parameters, "status": status, "steps": steps, "trial_id": trial}
    write(json.dumps(metadata), f"{folder}/{trial}/metadata.json")
    columns = [
        f"{s}/{m}_error"
        for s in ("train", "val", "test")
        for m in ("cross_entropy", "classification")
    ]
    rows = [[0, *(["6.9", "0.99"] * 3)], [600000, *(["1.1", str(error)] * 3)]]
    lines = [["step", *columns], *rows]
    write(
        "\n".join(",".join(map(str, line)) for line in lines) + "\n",
        f"{folder}/{trial}/measurements.csv",
    )


def test_studies_in_the_layout_of_shallue_et_al(write):
    folder = "batch_science/imagenet/resnet_50/nesterov_momentum/256"
    path = write(json.dumps(_SHALLUE), f"{folder}/study.json")
    statuses = ("COMPLETE", "INCOMPLETE", "INFEASIBLE", "COMPLETE")
    for trial, status in enumerate(statuses):
        _shallue_trial(write, folder, trial, status, 0.2 + 0.01 * trial)
    sgd = {**_SHALLUE, "optimizer": "sgd", "train_steps": 1000}
    del sgd["parameter_configs"]
    write(
        json.dumps({**sgd, "parameter_configs": {}}),
        "batch_science/imagenet/resnet_50/sgd/256/study.json",
    )
    _shallue_trial(write, "batch_science/imagenet/resnet_50/sgd/256", 0, "COMPLETE", 0.3)

    (comparison,) = read_comparisons(path.parents[4])
    assert comparison.workload == "imagenet resnet_50, batch size 256"
    assert comparison.metric == CLASSIFICATION_ERROR
    sgd, nesterov = comparison.contestants
    assert (sgd.title, nesterov.rule) == ("sgd with momentum", RULES["nesterov"])
    assert nesterov.feasible["validation_metric"].tolist() == [0.2, 0.23]
    assert len(nesterov.trials) == 3  # INCOMPLETE ones are left out
    assert nesterov.dimensions["eta0"] == LogUniform(low=1e-4, high=10.0)
    assert nesterov.dimensions["one_minus_gamma"].low == pytest.approx(1e-4)
    assert nesterov.dimensions["label_smoothing"] == Choice(values=(0.0, 0.01, 0.1))
    assert nesterov.dimensions["learning_rate_decay_steps"] == Uniform(low=300000, high=600000)
    titles = [finding.title for finding in audit([comparison])]
    assert "unequal budgets" in titles
    assert "search spaces not reported" in titles


@pytest.mark.parametrize(
    ("scale", "rate", "momentum"),
    [
        ("LOG_SCALE", LogUniform(low=0.05, high=0.2), Uniform(low=0.05, high=0.2)),
        ("UNIT_LINEAR_SCALE", Uniform(low=0.05, high=0.2), Uniform(low=0.05, high=0.2)),
    ],
)
def test_a_scale_on_record_counts_however_narrow_the_range(write, scale, rate, momentum):
    ends = {"learning_rate": (0.05, 0.2), "momentum": (0.8, 0.95)}
    configs = {
        name: {"min_value": low, "max_value": high, "scale": scale, "type": "DOUBLE"}
        for name, (low, high) in ends.items()
    }
    folder = "batch_science/imagenet/resnet_50/nesterov_momentum/256"
    path = write(json.dumps({**_SHALLUE, "parameter_configs": configs}), f"{folder}/study.json")
    for trial in range(2):
        parameters = {"learning_rate": 0.1 + 0.01 * trial, "momentum": 0.9}
        metadata = {
            "parameters": parameters,
            "status": "COMPLETE",
            "steps": 600000,
            "trial_id": trial,
        }
        _shallue_trial(write, folder, trial, "COMPLETE", 0.2)
        write(json.dumps(metadata), f"{folder}/{trial}/metadata.json")
    (comparison,) = read_comparisons(path.parents[4])
    (one,) = comparison.contestants
    assert one.dimensions["eta0"] == rate
    found = one.dimensions["one_minus_gamma"]
    assert type(found) is type(momentum)
    assert (found.low, found.high) == pytest.approx((momentum.low, momentum.high))


def test_a_budget_of_time_is_no_budget_of_steps(write):
    """Hardware decides how many steps fit in: that is not an unfair comparison."""
    for optimizer, steps in (("sgd", (57218, 59229)), ("adam", (40000, 40000))):
        folder = f"release/mnist/cnn/{optimizer}/256"
        study = {**_SHALLUE, "optimizer": optimizer, "train_steps": 0}
        path = write(json.dumps(study), f"{folder}/study.json")
        for trial, trained in enumerate(steps):
            _shallue_trial(write, folder, trial, "COMPLETE", 0.2, trained)
    (comparison,) = read_comparisons(path.parents[4])
    assert not any(one.reports("steps") for one in comparison.contestants)
    assert comparison.budget == {}
    assert "unequal budgets" not in [finding.title for finding in audit([comparison])]
    (remark,) = comparison.remarks
    assert remark.startswith("The budget of a trial was time, not a number of steps")
    assert remark.endswith("trained were: adam 40,000, sgd 57,218 to 59,229 steps.")
