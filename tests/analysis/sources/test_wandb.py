"""Exports of the table of runs of Weights & Biases, with the columns and states that it has."""

import csv
import io
import math

import pandas as pd
import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.words import as_numbers
from tfoptcmp.metrics import ACCURACY
from tfoptcmp.rules import RULES
from tfoptcmp.study.schema import StudyError


def a_run(number, state="finished", **columns):
    return {
        "Name": f"exalted-darkness-{number}",
        "State": state,
        "Notes": "-",
        "User": "nico",
        "Tags": "",
        "Created": "2024-05-01T10:00:00.000Z",
        "Runtime": "3600",
        "Sweep": "",
        **columns,
        "_runtime": str(3600.5 + number),
        "_step": str(1000 + number),
        "_timestamp": str(1714557600 + number),
        "epoch": "10",
    }


def export(runs):
    names = list(dict.fromkeys(name for run in runs for name in run))
    text = io.StringIO()
    rows = csv.DictWriter(text, names, restval="", quoting=csv.QUOTE_ALL)
    rows.writeheader()
    rows.writerows(runs)
    return text.getvalue()


def comparison_of(write, runs):
    (comparison,) = read_comparisons(write(export(runs), "wandb_export.csv"))
    return comparison


def two_optimizers(num_trials=24, **columns):
    """Rates over six decades, as `lr`; Adam is a little better."""
    return [
        a_run(
            i,
            **{
                "optimizer": optimizer,
                "lr": str(10 ** (-5 + 0.25 * i)),
                "seed": "1",
                **columns,
                "train/loss": "0.1",
                "val/accuracy": str(0.8 + gain + 0.004 * ((7 * i) % 24)),
                "test/accuracy": str(0.79 + gain + 0.004 * ((7 * i) % 24)),
            },
        )
        for optimizer, gain in (("sgd", 0.0), ("Adam", 0.02))
        for i in range(num_trials)
    ]


def test_runs_are_trials(write):
    comparison = comparison_of(write, two_optimizers())
    assert (comparison.workload, comparison.metric) == ("wandb_export", ACCURACY)
    assert (comparison.num_trials, comparison.tuning_budget) == (24, 2)
    sgd, adam = comparison.contestants
    assert (sgd.rule, adam.rule) == (RULES["sgd"], RULES["adam"])
    assert sgd.searched_names == ("eta0",)
    assert set(sgd.trials["seconds"]) == {3600.0}
    best = comparison.metric.value(adam.winner["validation_metric"])
    assert best == pytest.approx(0.82 + 0.004 * 23)  # by hand: the highest, not the lowest
    assert adam.winner["test_metric"] == pytest.approx(1 - (0.81 + 0.004 * 23))
    assert sgd.dimensions == {}  # no range is made up
    assert not sgd.reports("steps")  # _step counts calls of log
    assert comparison.remarks == (
        "Read as the result: val/accuracy, test/accuracy (higher is better); as settings: lr.",
        "An export of Weights & Biases does not say over which ranges was searched.",
    )
    assert comparison.not_read == ("train/loss", "_runtime", "_step", "_timestamp", "epoch")
    titles = [finding.title for finding in audit([comparison])]
    assert "search spaces not reported" in titles
    assert "selected on the test metric" not in titles


def test_what_did_not_finish_is_left_out_and_nan_diverged(write):
    runs = two_optimizers(10)
    for run, state in zip(runs, ("crashed", "failed", "killed", "running"), strict=False):
        run["State"] = state
        run["val/accuracy"] = "0.999"
    runs[4]["val/accuracy"] = runs[4]["test/accuracy"] = "NaN"
    runs[5]["val/accuracy"] = runs[5]["test/accuracy"] = ""  # nothing was logged
    comparison = comparison_of(write, runs)
    sgd = comparison.contestants[0]
    assert (len(sgd.trials), sgd.num_feasible, sgd.num_infeasible) == (5, 4, 1)
    said = comparison.remarks[0]
    assert said.startswith("Left out: ")
    assert all(f"1 {state}" in said for state in ("crashed", "failed", "killed", "running"))
    assert "1 incomplete" in said


@pytest.mark.parametrize(
    ("name", "maximize"),
    [
        *(("val_acc", True), ("valid.accuracy", True), ("dev/f1", True), ("eval_top1_acc", True)),
        *(("val_loss", False), ("validation/error", False), ("summary.val_ppl", False)),
        *(("val/dice", True), ("val_mIoU", True), ("val/precision", True), ("val/score", True)),
        *(("valloss", False), ("val/dice_loss", False), ("heldout/acc", True)),
    ],
)
def test_the_name_says_which_values_are_better(write, name, maximize):
    runs = [
        a_run(i, **{"config.optimizer": "adam", "config.lr": f"0.{i + 1}", name: f"0.{i + 1}"})
        for i in range(3)
    ]
    comparison = comparison_of(write, runs)
    assert comparison.metric.maximize is maximize
    assert comparison.metric.unit != "nats"  # no name says it: dice losses are none
    (adam,) = comparison.contestants
    assert adam.winner["trial"] == (2 if maximize else 0)
    assert adam.searched_names == ("alpha0",)


def test_what_is_of_the_configuration_is_no_metric(write):
    """`config.valid_top_p` decided, and the test metric was not read."""
    runs = [
        a_run(
            i,
            **{"optimizer": "adam", "lr": f"0.{i + 1}", "config.valid_acc": "0.9"},
            test_acc=f"0.{i + 1}",
        )
        for i in range(3)
    ]
    comparison = comparison_of(write, runs)
    assert comparison.selected_by == "test"
    assert comparison.contestants[0].trials["test_metric"].min() == pytest.approx(1 - 0.3)


def test_a_finished_run_without_its_validation_metric_did_not_diverge(write):
    runs = [
        a_run(i, optimizer="adam", lr=f"0.{i + 1}", val_loss=value, test_loss="0.6")
        for i, value in enumerate(("0.5", "", "0.7"))
    ]
    comparison = comparison_of(write, runs)
    assert comparison.remarks[0] == "Left out: 1 incomplete."
    assert comparison.contestants[0].num_infeasible == 0


def test_lines_may_end_as_those_of_old_spreadsheets_do(write):
    runs = export(two_optimizers(3)).replace("\r\n", "\r")
    (comparison,) = read_comparisons(write(runs, "wandb_export.csv"))
    assert len(comparison.contestants) == 2


def test_several_candidates_are_named(write):
    runs = two_optimizers(2, **{"val/loss": "0.5"})
    with pytest.raises(
        StudyError,
        match=r"'validation' could be 'val/loss', 'val/accuracy'; say which, as in: tfoptcmp-audit "
        r"\S+ --map optimizer=optimizer --map status=State --map seed=seed .*"
        r"--map 'validation=`val/loss`'",
    ):
        comparison_of(write, runs)


@pytest.mark.parametrize("better", ["dice", "iou", "mIoU", "score", "precision", "recall", "mAP"])
def test_a_score_and_an_error_are_two_candidates(write, better):
    """The score was not known, and the error decided without a word."""
    runs = [
        a_run(i, optimizer="adam", lr=f"0.{i + 1}", **{f"val/{better}": "0.5", "val_wer": "0.5"})
        for i in range(2)
    ]
    with pytest.raises(StudyError, match=f"'validation' could be 'val/{better}', 'val_wer'"):
        comparison_of(write, runs)


def test_the_loss_of_a_value_function_is_no_validation_loss(write):
    runs = [
        a_run(i, optimizer="adam", lr=f"0.{i + 1}", value_loss="1", val_return="2", precision=p)
        for i, p in enumerate(("16", "32"))
    ]
    comparison = comparison_of(write, runs)
    assert "val_return (higher is better); as settings: lr, precision." in comparison.remarks[0]


def test_no_candidate_is_named(write):
    runs = [a_run(i, optimizer="adam", lr="0.1", **{"train/loss": "1"}) for i in range(2)]
    with pytest.raises(StudyError, match=r"'validation' is none of .*'train/loss'"):
        comparison_of(write, runs)
    runs = [a_run(i, lr="0.1", val_loss="1") for i in range(2)]
    with pytest.raises(StudyError, match=r"'optimizer' is none of"):
        comparison_of(write, runs)


def test_only_a_test_metric(write):
    runs = [a_run(i, optimizer="adam", lr=f"0.{i + 1}", test_loss="1") for i in range(2)]
    comparison = comparison_of(write, runs)
    assert comparison.selected_by == "test"
    assert "selected on the test metric" in [finding.title for finding in audit([comparison])]


def test_seeds_of_a_point_are_runs_of_one_trial(write):
    runs = [
        a_run(
            10 * i + seed,
            optimizer=name,
            lr=str(0.1 * (1 + i)),
            seed=str(seed),
            output_dir=f"/tmp/{i}/{seed}",
            val_loss=str(0.5 + 0.1 * i),
        )
        for i in range(4)
        for seed, name in enumerate(("Adam", "adam", "ADAM"))
    ]
    (adam,) = comparison_of(write, runs).contestants
    assert (adam.name, len(adam.trials), len(adam.reruns)) == ("Adam", 4, 8)


def test_runs_that_differ_in_weight_decay_or_in_a_word_are_several_trials(write):
    """They differed in the seed, too, and became one trial."""
    runs = [
        a_run(
            i,
            optimizer="adam",
            lr="0.1",
            seed=str(i),
            weight_decay=str(0.01 * (i // 2)),
            augment=("none", "mixup")[i % 2],
            train_batch_size="128",
            val_loss="0.5",
        )
        for i in range(8)
    ]
    comparison = comparison_of(write, runs)
    (adam,) = comparison.contestants
    assert (len(adam.trials), len(adam.reruns)) == (8, 0)
    assert "augment: 0 is mixup, 1 is none." in comparison.remarks
    assert "train_batch_size" in comparison.not_read  # the same in all runs


def test_what_differs_between_optimizers_is_said(write):
    runs = [
        a_run(
            i,
            optimizer=optimizer,
            lr=str(0.1 * (i + 1)),
            epochs=epochs,
            lr_scheduler=schedule,
            val_loss="0.5",
        )
        for optimizer, epochs, schedule in (("sgd", "100", "step"), ("adam", "200", "cosine"))
        for i in range(3)
    ]
    comparison = comparison_of(write, runs)
    assert [one.schedule for one in comparison.contestants] == ["step", "cosine"]
    assert "epochs differs between optimizers: sgd 100, adam 200." in comparison.remarks
    titles = [finding.title for finding in audit([comparison])]
    assert "different learning-rate schedules" in titles


def test_data_and_models_are_comparisons_of_their_own(write):
    runs = [
        a_run(i, optimizer="adam", lr=f"0.{i + 1}", dataset=data, model="cnn", val_loss="0.5")
        for data in ("mnist", "cifar")
        for i in range(3)
    ]
    found = read_comparisons(write(export(runs), "runs.csv"))
    assert [(one.workload, one.num_trials) for one in found] == [("mnist", 3), ("cifar", 3)]


def test_nesterov_is_a_rule_of_its_own(write):
    runs = [
        a_run(i, optimizer="SGD", lr="0.1", momentum=f"0.{i + 1}", nesterov=on, val_loss="0.5")
        for on in ("True", "False")
        for i in range(3)
    ]
    runs += [a_run(9, optimizer="adam", lr="0.1", nesterov="True", val_loss="0.5")]
    momentum, nesterov, adam = comparison_of(write, runs).contestants
    assert (adam.name, adam.rule) == ("adam", RULES["adam"])  # which has no such switch
    assert (momentum.rule, nesterov.rule) == (RULES["momentum"], RULES["nesterov"])
    assert nesterov.name == "SGD (Nesterov)"


def test_percent_and_infinite_values(write):
    runs = [
        a_run(i, optimizer="adam", lr=f"0.{i + 1}", val_accuracy=value)
        for i, value in enumerate(("93.5", "91.0", "-Infinity"))
    ]
    comparison = comparison_of(write, runs)
    assert comparison.metric.unit == "%"
    (adam,) = comparison.contestants
    assert (adam.num_feasible, adam.num_infeasible, adam.winner["trial"]) == (2, 1, 0)
    assert math.isclose(comparison.metric.value(adam.winner["validation_metric"]), 93.5)


def test_other_tables_are_not_taken_for_an_export(write):
    path = write("optimizer,validation,Name\nadam,0.1,x\n")
    assert read_comparisons(path)[0].workload == "results"


def test_the_command_to_say_which_can_be_pasted(write):
    runs = [a_run(i, optimizer="adam", **{"val loss": "1", "val acc": "1"}) for i in range(2)]
    with pytest.raises(StudyError, match=r"--map 'validation=`val loss`'$"):
        comparison_of(write, runs)


def test_what_cannot_be_told_is_mapped(write):
    """Then the export is a table like any other."""
    path = write(export(two_optimizers(**{"val/loss": "0.5"})), "runs.csv")
    columns = {"validation": "1 - `val/accuracy`", "test": "1 - `test/accuracy`", "status": "State"}
    (comparison,) = read_comparisons(path, how=TableMap(columns=columns))
    assert comparison.num_trials == 24
    adam = comparison.contestants[1]
    assert adam.winner["validation_metric"] == pytest.approx(1 - 0.912)


def test_a_rate_that_is_a_word_is_refused(write):
    """It made the rates 0.1, 0.2 the codes 0 and 1."""
    rates = ("0.1", "0.2", "0,1", "auto")
    runs = [a_run(i, optimizer="adam", lr=rate, val_loss="1") for i, rate in enumerate(rates)]
    with pytest.raises(StudyError, match=r"csv, line 4: 'lr' must be a number; got '0,1'$"):
        comparison_of(write, runs)
    runs = [a_run(i, optimizer="adam", lr="auto", val_loss="1") for i in range(2)]
    with pytest.raises(StudyError, match=r"csv, line 2: 'lr' must be a number; got 'auto'$"):
        comparison_of(write, runs)


def test_a_rate_that_is_not_set_is_none(write):
    rates = ("0.1", "null", "None", "")
    runs = [a_run(i, optimizer="adam", lr=rate, val_loss="1") for i, rate in enumerate(rates)]
    (adam,) = comparison_of(write, runs).contestants
    assert list(adam.trials["searched_alpha0"].notna()) == [True, False, False, False]


def test_words_of_a_known_argument_become_no_numbers():
    table = pd.DataFrame({"optimizer": ["adam"] * 2, "beta1": ["a", "b"], "mode": ["a", "b"]})
    assert as_numbers(table, ["mode"])[1] == {"mode": {"a": 0.0, "b": 1.0}}
    with pytest.raises(StudyError, match="'beta1' must be numbers; got 'a'"):
        as_numbers(table, ["beta1", "mode"])


@pytest.mark.parametrize(
    "name",
    [
        *("max_grad_norm", "clip_norm", "max_norm", "trainer.max_grad_norm", "grad.clip_value"),
        *("train.batch_size", "val.every", "grad.accumulation", "loss_weight"),
    ],
)
def test_a_setting_is_no_logged_value(write, name):
    """Runs of several limits were runs of one trial."""
    runs = [
        a_run(i, optimizer="adam", lr="0.1", seed=str(i), **{name: str(1 + i), "val_loss": "1"})
        for i in range(4)
    ]
    (adam,) = comparison_of(write, runs).contestants
    assert (len(adam.trials), len(adam.reruns)) == (4, 0)


@pytest.mark.parametrize(
    "name",
    [
        *("grad_norm", "train/grad_norm", "global_grad_norm", "gradients/layer1.weight"),
        *("train.loss", "summary.top5", "train.global_step", "train/logits"),
    ],
)
def test_a_logged_value_is_no_setting(write, name):
    runs = [
        a_run(i, optimizer="adam", lr="0.1", seed=str(i), **{name: str(1 + i), "dev_loss": "1"})
        for i in range(4)
    ]
    comparison = comparison_of(write, runs)
    (adam,) = comparison.contestants
    assert (len(adam.trials), len(adam.reruns)) == (1, 3)
    assert name in comparison.not_read


def test_rates_that_lightning_logs_are_no_settings(write):
    """`lr-Adam` was a setting of Adam's, and its rate."""
    logged = {"lr-Adam": "1e-9", "lr-group0": "2e-9"}
    runs = [a_run(i, optimizer="Adam", lr=str(0.1 + i), val_loss="1", **logged) for i in range(3)]
    comparison = comparison_of(write, runs)
    (adam,) = comparison.contestants
    assert adam.searched("alpha0").tolist() == [0.1, 1.1, 2.1]
    assert set(logged) <= set(comparison.not_read)
    for run in runs:
        del run["lr"]
    (adam,) = comparison_of(write, runs).contestants
    assert set(adam.searched("alpha0")) == {1e-9}


def test_a_configuration_of_hugging_face(write):
    """`max_steps` of -1 is no limit: budgets were equal."""
    runs = [
        a_run(
            i,
            optim=name,
            learning_rate=str(0.1 + i),
            adam_epsilon="1e-8",
            max_steps="-1",
            num_train_epochs=epochs,
            val_loss=str(1 + i),
        )
        for name, epochs in (("adamw_torch", "3"), ("sgd", "30"))
        for i in range(12)
    ]
    comparison = comparison_of(write, runs)
    sgd, adam = comparison.contestants
    assert (adam.fixed, sgd.fixed) == ({"epsilon": 1e-8}, {})
    assert {3.0} == set(adam.trials["steps"]) and {30.0} == set(sgd.trials["steps"])
    titles = {one.title for one in audit([comparison])}
    assert {"epsilon not tuned", "unequal budgets"} <= titles


@pytest.mark.parametrize("name", ["aux_loss", "max_score", "model.aux_error"])
def test_what_is_a_setting_or_was_logged_is_asked_where_it_decides(write, name):
    """Runs of 4 weights of a loss were runs of one trial."""
    runs = [
        a_run(i, optimizer=one, lr="0.1", seed=str(i), **{name: str(i / 4), "val_loss": "1"})
        for one in ("adam", "sgd")
        for i in range(4)
    ]
    text = export(runs)
    with pytest.raises(StudyError, match=f"^[^\n]*in '{name}': .* 'config[.]{name}' if it is a "):
        read_comparisons(write(text, "runs.csv"))
    for prefix, numbers in (("config.", (4, 0)), ("summary.", (1, 3))):
        (found,) = read_comparisons(write(text.replace(name, prefix + name), "runs.csv"))
        assert [(len(one.trials), len(one.reruns)) for one in found.contestants] == [numbers] * 2
    runs = [{**run, "lr": str(1 + i)} for i, run in enumerate(runs)]
    assert name in comparison_of(write, runs).not_read  # it decides nothing


@pytest.mark.parametrize("name", ["loss", "accuracy", "f1", "train_aux_loss", "test/top5_acc"])
def test_what_only_a_result_is_called_is_not_asked(write, name):
    runs = [
        a_run(i, optimizer="adam", lr="0.1", seed=str(i), **{name: str(1 + i), "dev_ppl": "1"})
        for i in range(4)
    ]
    (adam,) = comparison_of(write, runs).contestants
    assert (len(adam.trials), len(adam.reruns)) == (1, 3)


def test_a_column_that_comes_twice_is_refused(write):
    runs = [a_run(i, optimizer="adam", lr="0.1", rate="0.2", val_loss="1") for i in range(2)]
    path = write(export(runs).replace('"rate"', '"lr"'), "runs.csv")
    with pytest.raises(StudyError, match=r"a column must appear only once; got 'lr' twice$"):
        read_comparisons(path)


@pytest.mark.parametrize("result", ["validation", "test"])
def test_a_table_with_our_columns_is_ours(write, result):
    """Its validation was no result of an export, and it could not be read."""
    runs = [
        a_run(i, optimizer="adam", learning_rate=f"0.{i + 1}", **{result: f"0.{i + 1}"})
        for i in range(3)
    ]
    comparison = comparison_of(write, runs)
    assert comparison.metric.name == "metric" and comparison.selected_by == result
    assert not any("Weights & Biases" in remark for remark in comparison.remarks)


@pytest.mark.parametrize("optimizer", ["optimizer", "config.optimizer.name"])
@pytest.mark.parametrize("rate", ["lr", "config.optimizer.lr"])
@pytest.mark.parametrize(
    ("metric", "scale"), [("accuracy", 1), ("dice", 1), ("bleu", 30), ("loss", 1), ("wer", 90)]
)
def test_the_command_of_a_refusal_is_right(write, followed, optimizer, rate, metric, scale):
    """It mapped the metric as it is, so the worst accuracy won, and crashed runs counted."""
    is_high = metric in ("accuracy", "dice", "bleu")
    goodness = [0.3 + 0.02 * ((7 * i) % 24) for i in range(24)]
    runs = [
        a_run(
            2 * i + seed,
            state="crashed" if i == 3 else "finished",
            **{optimizer: "Adam", rate: str(0.1 * (i + 1)), "seed": str(seed)},
            **{f"val/{metric}": str(scale * (good if is_high else 1 - good) + 0.001 * seed)},
            **{f"test/{metric}": str(scale * (good if is_high else 1 - good))},
            **{"val/miou": str(i + seed), "gradients/a, b": str(i + seed)},
        )
        for i, good in enumerate(goodness)
        for seed in range(2)
    ]
    path = write(export(runs), "my runs.csv")
    with pytest.raises(StudyError, match=f"'validation' could be 'val/{metric}', 'val/miou'") as e:
        read_comparisons(path)
    (comparison,) = followed(str(e.value))
    (adam,) = comparison.contestants
    assert (adam.name, len(adam.trials), len(adam.reruns)) == ("Adam", 23, 23)
    best = max((i for i in range(24) if i != 3), key=goodness.__getitem__)
    assert adam.winner["searched_alpha0"] == pytest.approx(0.1 * (best + 1))
    assert comparison.metric.maximize is (metric == "bleu")


def test_the_command_names_one_of_several_optimizers(write, followed):
    runs = [
        a_run(i, optimizer=name, **{"model.optimizer": "none", "config.lr": "0.1", "val_acc": acc})
        for i, (name, acc) in enumerate((("sgd", "0.2"), ("adam", "0.9")))
    ]
    with pytest.raises(
        StudyError, match=r"'optimizer' could be 'optimizer', 'model\.optimizer'"
    ) as e:
        comparison_of(write, runs)
    (comparison,) = followed(str(e.value))
    assert [one.name for one in comparison.contestants] == ["sgd", "adam"]
    assert comparison.contestants[1].winner["validation_metric"] == pytest.approx(0.1)


def test_of_several_test_metrics_one_is_the_test_metric(write, followed):
    runs = [
        a_run(i, optimizer="adam", lr=f"0.{i + 1}", test_acc="0.5", test_loss="1") for i in range(3)
    ]
    with pytest.raises(StudyError, match="'test' could be 'test_acc', 'test_loss'") as e:
        comparison_of(write, runs)
    (comparison,) = followed(str(e.value))
    assert comparison.selected_by == "test"
