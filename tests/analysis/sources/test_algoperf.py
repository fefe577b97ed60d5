"""Logs as AlgoPerf's submission_runner.py writes them; names, targets and columns are real ones."""

import json
import math

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import ACCURACY, SHARE
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError

FASTMRI = ("fastmri", "ssim", 0.723653)
POINTS = [
    {"learning_rate": 0.001 * (1 + i), "beta2": 0.99, "style": style, "nesterov": True}
    for i, style in enumerate(("adam", "reduced", "adam", "reduced", "adam"))
]


def a_trial(
    write,
    folder,
    results,
    hparams=None,
    *,
    workload=FASTMRI,
    steps=(1, 14493, 36189),
    flags=None,
    **meta,
):
    """One trial; results are the target metric on validation at each evaluation."""
    name, metric, target = workload
    write(
        json.dumps(
            {
                "workload.target_metric_name": metric,
                "workload.validation_target_value": target,
                "workload.num_validation_examples": 3554,
                "workload.num_test_examples": 3581,
                "gpu_model_name": "Tesla V100-SXM2-16GB",
                "rng_seed": 800942099,
                **meta,
            }
        ),
        f"{folder}/meta_data_0.json",
    )
    write(json.dumps({"workload": name, **(flags or {})}), f"{folder}/flags_0.json")
    if hparams is not None:
        write(json.dumps(hparams, indent=2), f"{folder}/hparams.json")
    rows = [
        "accumulated_submission_time,global_step,preemption_count,score,"
        f"test/{metric},train/loss,validation/num_examples,validation/{metric}"
    ]
    for step, value in zip(steps, results, strict=False):
        rows.append(f"{60 * step},{step},0,{60 * step},{value + 0.01},0.3,3554,{value}")
    if results:
        write("\n".join(rows) + "\n", f"{folder}/eval_measurements.csv")


def submissions(write, top="logs/external_tuning", workload=FASTMRI, framework="jax"):
    """Two submissions of five points in five studies each."""
    for name, gain in (("amos", 0.0), ("baseline", 0.001)):
        for study in range(5):
            for i, point in enumerate(POINTS):
                last = 0.72 + 0.001 * i + gain + 0.0001 * study
                folder = f"{top}/{name}/study_{study}/{workload[0]}_{framework}/trial_{i + 1}"
                steps = (1, 9000 + 100 * i, 36000 + study)
                a_trial(write, folder, (0.1, last, last), point, workload=workload, steps=steps)
    return write("", f"{top}/readme.txt").parent


def test_a_study_is_a_seed(write):
    """Theory: 5 points in 5 studies are N = 5 trials, each with 4 more runs."""
    (comparison,) = read_comparisons(submissions(write))
    assert comparison.workload == "fastmri"
    assert (comparison.metric.name, comparison.metric.unit) == ("SSIM", "")
    assert comparison.metric.maximize
    assert comparison.num_trials == 5
    amos, baseline = comparison.contestants
    assert (amos.name, baseline.name) == ("amos", "baseline")
    assert [len(one.trials) for one in comparison.contestants] == [5, 5]
    assert len(amos.reruns) == 20
    assert amos.reruns.groupby("trial")["seed"].apply(set).tolist() == 5 * [{1.0, 2.0, 3.0, 4.0}]
    # Of a metric that is maximised the best is the highest.
    assert comparison.metric.value(baseline.winner["validation_metric"]) == pytest.approx(0.725)
    assert comparison.metric.value(baseline.winner["test_metric"]) == pytest.approx(0.735)
    assert amos.winner["trial"] == 4
    assert baseline.winner["train_loss"] == 0.3
    assert baseline.trials["seconds"].tolist() == 5 * [60 * 36000]
    assert amos.values_of(amos.winner)["eta0"] == pytest.approx(0.005)


def test_the_budget_is_time(write):
    (comparison,) = read_comparisons(submissions(write))
    assert comparison.budget == {}
    assert "unequal budgets" not in [finding.title for finding in audit([comparison])]
    (said,) = [remark for remark in comparison.remarks if "time, not a number of steps" in remark]
    assert said.endswith("amos 36,000 to 36,004, baseline 36,000 to 36,004 steps.")


def test_steps_to_the_validation_target_of_the_logs(write):
    """By hand: the target 0.723653 is reached by points 4 and 5 (0.7230, 0.7240), or never."""
    (comparison,) = read_comparisons(submissions(write))
    amos = comparison.contestants[0]
    assert amos.trials["steps_to_target"].tolist() == [math.inf] * 4 + [9400]
    assert any("validation target 0.723653" in remark for remark in comparison.remarks)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("logs/external_tuning/amos", True),
        ("logs/external_tuning", True),
        ("submissions/external_tuning/amos", True),  # as in the leaderboard's repository
        ("logs", False),  # of other submissions, too
    ],
)
def test_points_are_where_a_submission_has_them(write, place, told):
    path = submissions(write)
    write(json.dumps(POINTS), f"{place}/tuning_search_space.json")
    amos, baseline = read_comparisons(path)[0].contestants
    rates = (0.001, 0.002, 0.003, 0.004, 0.005)
    assert (amos.dimensions.get("eta0") == Choice(values=rates)) is told
    assert (amos.dimensions.get("style") == Choice(values=(0.0, 1.0))) is told
    assert amos.dimensions["one_minus_beta2"].fixed == pytest.approx(0.01)
    assert ("eta0" in baseline.dimensions) is (place == "logs/external_tuning")


def test_ranges_of_a_search_space(write):
    space = {
        "learning_rate": {"min": 1e-4, "max": 1e-2, "scaling": "log"},
        "one_minus_beta1": {"min": 0.02, "max": 0.5, "scaling": "linear"},
        "weight_decay": {"min": 0.05, "max": 0.2, "scaling": "log"},
        "label_smoothing": {"feasible_points": [0.1, 0.2]},
        "warmup_factor": {"feasible_points": [0.05]},
    }
    write(json.dumps(space), "mine/space_small.json")
    flags = {"tuning_search_space": "submissions/mine/space_small.json"}
    for i in range(3):
        point = {
            "learning_rate": 0.002 * (1 + i),
            "one_minus_beta1": 0.1 * (1 + i),
            "weight_decay": 0.06 * (1 + i),
            "label_smoothing": 0.1,
            "warmup_factor": 0.05,
        }
        folder = f"mine/study_0/wmt_pytorch/trial_{i + 1}"
        a_trial(write, folder, (1.0, 20.0 + i), point, workload=("wmt", "bleu", 30.8), flags=flags)
    (comparison,) = read_comparisons(write("", "mine/x.txt").parent)
    assert (comparison.workload, comparison.metric.name) == ("wmt", "BLEU")
    (mine,) = comparison.contestants
    assert comparison.metric.value(mine.winner["validation_metric"]) == pytest.approx(22.0)
    assert mine.dimensions == {
        "eta0": LogUniform(low=1e-4, high=1e-2),
        "one_minus_beta1": Uniform(low=0.02, high=0.5),
        "weight_decay": LogUniform(low=0.05, high=0.2),
        "label_smoothing": Choice(values=(0.1, 0.2)),
        "warmup_factor": Fixed(fixed=0.05),
    }
    assert "search spaces not reported" not in [finding.title for finding in audit([comparison])]


def test_the_search_space_of_other_trials_is_not_taken(write):
    path = submissions(write)
    write(
        json.dumps([{"learning_rate": 7.0}]), "logs/external_tuning/amos/tuning_search_space.json"
    )
    (comparison,) = read_comparisons(path)
    assert "eta0" not in comparison.contestants[0].dimensions
    assert any(
        "is not the search space of amos: its trials have other values of learning_rate" in remark
        for remark in comparison.remarks
    )


def test_points_that_differ_in_a_word_are_two(write):
    for i, style in enumerate(("adam", "reduced")):
        for study in range(2):
            folder = f"amos/study_{study}/fastmri_jax/trial_{i + 1}"
            point = {"learning_rate": 0.1, "style": style, "optimizer": "amos", "use": False}
            a_trial(write, folder, (0.1, 0.7), point)
    (comparison,) = read_comparisons(write("", "amos/x.txt").parent)
    (amos,) = comparison.contestants
    assert (amos.name, len(amos.trials), len(amos.reruns)) == ("amos", 2, 2)
    assert "style: 0 is adam, 1 is reduced." in comparison.remarks


def test_trials_that_were_never_evaluated_failed_and_nan_diverged(write):
    loss = ("criteo1tb", "loss", 0.123735)
    results = {"amos": [(0.2, 0.13), (0.2, math.nan), ()], "other": [()]}
    for name, trials in results.items():
        for i, result in enumerate(trials):
            folder = f"logs/{name}/study_0/criteo1tb_jax/trial_{i + 1}"
            a_trial(write, folder, result, {"learning_rate": 0.1 * (1 + i)}, workload=loss)
    (comparison,) = read_comparisons(write("", "logs/x.txt").parent)
    assert not comparison.metric.maximize and comparison.metric.unit == "nats"
    (amos,) = comparison.contestants
    assert (amos.num_feasible, amos.num_infeasible) == (1, 1)
    assert "Left out: 2 failed." in comparison.remarks
    assert "No trial was evaluated of: other." in comparison.remarks


def test_submissions_that_tune_themselves_have_one_trial(write):
    for top in ("external_tuning", "self_tuning"):
        for study in range(3):
            folder = f"{top}/adamg/study_{study}/imagenet_resnet_pytorch/trial_1"
            hparams = POINTS[0] if top == "external_tuning" else None
            result = (0.1, 0.77 + 0.01 * study)
            workload = ("imagenet_resnet", "accuracy", 0.77185)
            a_trial(write, folder, result, hparams, workload=workload)
    (comparison,) = read_comparisons(write("", "x.txt").parent)
    assert comparison.metric == ACCURACY and comparison.metric.unit == SHARE
    assert comparison.num_examples == {"validation": 3554, "test": 3581}
    names = [one.name for one in comparison.contestants]
    assert names == ["external_tuning/adamg", "self_tuning/adamg"]
    assert [(len(one.trials), len(one.reruns)) for one in comparison.contestants] == [(1, 2)] * 2
    assert "No hyperparameters were given to: self_tuning/adamg." in comparison.remarks


def test_frameworks_and_hardware_that_differ_are_said(write):
    submissions(write)
    a_trial(write, "logs/external_tuning/torch/study_0/fastmri_pytorch/trial_1", (0.1, 0.7), {})
    (comparison,) = read_comparisons(write("", "logs/x.txt").parent)
    assert [one.name for one in comparison.contestants] == ["amos", "baseline", "torch"]
    (said,) = [remark for remark in comparison.remarks if "different platforms" in remark]
    assert "pytorch on Tesla V100-SXM2-16GB: torch" in said


def test_what_is_damaged_is_named(write):
    folder = "amos/study_0/fastmri_jax/trial_1"
    a_trial(write, folder, (0.1, 0.7), POINTS[0])
    path = write("global_step,validation/ssim\n1,high\n", f"{folder}/eval_measurements.csv")
    with pytest.raises(StudyError, match=r"eval_measurements\.csv is not a table of evaluations"):
        read_comparisons(path.parents[3])
    a_trial(write, folder, (0.1, 0.7), POINTS[0], workload=("fastmri", "psnr", 30))
    with pytest.raises(StudyError, match=r"target metric of fastmri must be one of .* got 'psnr'"):
        read_comparisons(path.parents[3])
