"""Which metric decides, and in which direction: by the tool, else by names, else not at all."""

import pytest

from tfoptcmp.analysis.sources.measured import measured
from tfoptcmp.analysis.sources.result_names import higher_is_better, is_metric
from tfoptcmp.study.schema import StudyError


@pytest.mark.parametrize(
    ("names", "validation", "test", "maximize"),
    [
        (["loss", "val_loss"], "val_loss", "", False),
        (["val/loss", "val/acc", "test/acc", "acc"], "val/acc", "test/acc", True),
        (["accuracy", "val_accuracy", "test_accuracy"], "val_accuracy", "test_accuracy", True),
        (["valError", "testError", "time_s"], "valError", "testError", False),
        (["mean_accuracy", "time_total_s"], "mean_accuracy", "", True),
        (["val_loss", "test_accuracy"], "val_loss", "", False),  # not the same metric
        # Beside a test metric of the same name, one without a split is training's.
        (["accuracy", "test_accuracy"], "", "test_accuracy", True),
        (["train_loss", "test_loss"], "", "test_loss", False),
    ],
)
def test_names_decide(names, validation, test, maximize):
    found = measured("x", names)
    assert (found.validation, found.test, found.maximize) == (validation, test, maximize)
    assert found.remark


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["val_loss", "val_nll"], r"x: .*any of \['val_loss', 'val_nll'\]; .*--map validation="),
        (["val_acc_1", "val_acc_2"], "any of"),
        (["goodness", "train_loss"], r"no metric is recognised .*'goodness'.*--map validation="),
    ],
)
def test_names_do_not_decide(names, message):
    with pytest.raises(StudyError, match=message):
        measured("x", names)


def test_a_tool_that_knows_is_believed():
    found = measured("x", ["val_loss", "val_accuracy", "test_loss"], "val_loss", True)
    assert (found.validation, found.test, found.maximize) == ("val_loss", "test_loss", True)
    assert not found.remark
    assert "does not say" in measured("x", ["goodness"], "goodness", True).remark
    with pytest.raises(StudyError, match="no trial has the objective 'val_f1'"):
        measured("x", ["val_loss"], "val_f1", True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("val_accuracy", "SSIM", "val/f1", "episode_reward_mean", "R2")),
        *((name, False) for name in ("val_loss", "rmse", "wer", "mean_squared_error", "ppl")),
        *((name, None) for name in ("goodness", "objective", "loss_score", "accelerated")),
        # Every word of the one list, in the spellings of several tools.
        *((f"val/{name}", True) for name in ("dice", "mIoU", "mAP50-95", "top5_acc", "acc1", "em")),
        *((f"val_{name}", True) for name in ("precision", "recall", "score", "F1Score", "rougeL")),
        *((name, False) for name in ("valError", "dice_loss", "top5_error", "fid", "bpd", "cer")),
        *((name, None) for name in ("val_acc_std", "neg_mean_squared_error", "val_loss_time")),
    ],
)
def test_directions(name, expected):
    assert higher_is_better(name) is expected


def test_names_of_settings_are_no_metrics():
    assert all(map(is_metric, ("loss", "top1_acc", "acc1", "miou", "best_f1")))
    assert not any(map(is_metric, ("precision", "loss_weight", "score_threshold", "lr", "", "0")))


@pytest.mark.parametrize(
    ("name", "expected"), [("accuracy/val", "accuracy"), ("testErr", "err"), ("val", "val")]
)
def test_what_is_measured_is_the_name_without_its_split(name, expected):
    assert measured("", [name], name, maximize=True).measure == expected
