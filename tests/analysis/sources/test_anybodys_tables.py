"""Tables as people bring them: what is the same trial, what shifts, which way is better."""

import codecs
import shlex

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.report.answer import answer
from tfoptcmp.analysis.report.files import write_report
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.mapping import TableMap, parse_assignments
from tfoptcmp.analysis.statistics.quantities import main_statistic, measured
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.spaces import LogUniform, Uniform
from tfoptcmp.study.schema import StudyError


def the_only(path, how=None):
    (comparison,) = read_comparisons(path, None, how)
    (one,) = comparison.contestants
    return one


def titles(path, how=None):
    return [finding.title for finding in audit(read_comparisons(path, None, how))]


class TestRunsOfOneTrial:
    def test_numbers_are_the_same_within_one_in_a_million(self, write):
        """DeepOBS wrote the rate of a re-run with 14 digits, and that of the search with 17."""
        adam = the_only(
            write(
                "optimizer,validation,test,learning_rate,seed\n"
                "adam,.150,.15,0.00039810717055349735,42\nadam,.160,.16,0.00039810717055,43\n"
                "adam,.155,.155,0.00039810717055,44\nadam,.3,.3,0.01,42\n"
            )
        )
        assert adam.num_feasible == 2
        assert list(adam.reruns["trial"]) == [0, 0]
        assert list(adam.reruns["seed"]) == [43, 44]

    @pytest.mark.parametrize(("factor", "num"), [(1 + 0.9e-6, 1), (1 + 1.2e-6, 2)])
    def test_a_little_more_is_another_point(self, write, factor, num):
        text = f"optimizer,test,lr,seed\nadam,1,0.001,1\nadam,1,{0.001 * factor!r},2\n"
        assert the_only(write(text)).num_feasible == num

    def test_an_empty_value_and_zero_are_points_of_their_own(self, write):
        text = "optimizer,test,lr,momentum,seed\na,1,1,,1\na,1,1,,2\na,1,1,0,3\na,1,1,0,4\n"
        assert the_only(write(text)).num_feasible == 2

    def test_a_number_that_is_not_understood_and_differs_is_refused(self, write):
        rows = "".join(f"adam,0.{i + 10},0.1,{i / 1000},{i}\n" for i in range(30))
        path = write(f"optimizer,test,learning_rate,weight_decay,seed\n{rows}")
        with pytest.raises(StudyError, match="'weight_decay', which is not understood"):
            read_comparisons(path)
        ignored = TableMap(ignore=("weight_decay",))
        assert the_only(path, ignored).num_feasible == 1
        searched = the_only(path, TableMap(ranges={"weight_decay": "0:0.03:linear"}))
        assert searched.num_feasible == 30
        assert searched.dimensions["weight_decay"] == Uniform(low=0.0, high=0.03)

    def test_a_text_that_differs_makes_trials_of_their_own(self, write):
        text = "optimizer,test,lr,schedule,seed\na,1,1,constant,1\na,1,1,linear,2\na,1,1,linear,3\n"
        assert the_only(write(text)).num_feasible == 2

    def test_rows_that_are_left_out_shift_no_others(self, write):
        text = (
            "optimizer,test,lr,schedule,seed,status\na,,1,linear,0,failed\n"
            "a,1,1,constant,1,ok\na,1,1,linear,2,ok\na,1,1,linear,3,ok\n"
        )
        assert the_only(write(text)).num_feasible == 2

    @pytest.mark.parametrize(
        "column",
        [
            *("clip_norm", "max_grad_norm", "loss_scale", "score_threshold", "error_tolerance"),
            *("time_steps", "train_steps", "total", "test_time_augmentation"),
            *("aux_loss", "label_error", "dropout_score"),
        ],
    )
    def test_numbers_that_may_be_settings_are_asked_for(self, write, column):
        text = f"optimizer,test,lr,{column},seed\na,1,1,7,1\na,1,1,8,2\n"
        with pytest.raises(StudyError, match=f"'{column}', which is not understood"):
            read_comparisons(write(text))

    @pytest.mark.parametrize("column", ["loss", "norm", "loss_fn", "schedule_name"])
    def test_texts_that_may_be_settings_are_trials_of_their_own(self, write, column):
        text = f"optimizer,test,lr,{column},seed\na,1,1,x,1\na,1,1,y,2\na,1,1,y,3\n"
        (comparison,) = read_comparisons(write(text))
        assert comparison.contestants[0].num_feasible == 2
        assert comparison.remarks == (
            f"a: rows that differ in {column} count as trials of their own; if it says nothing, "
            "--ignore it in a table.",
        )

    def test_numbers_near_1_are_compared_as_they_were_given(self, write):
        """0.999 in float32 is 0.99900001287, which is 13 millionths off in 1 - 0.999."""
        betas = ("0.999", "0.9990000128746033", "0.999999", "0.9999999")
        lines = [f"a,{i},{i},0.1,{beta},{i}" for i, beta in enumerate(betas)]
        text = "optimizer,validation,test,lr,beta_2,seed\n" + "\n".join(lines)
        (comparison,) = read_comparisons(write(text))
        (one,) = comparison.contestants
        used = one.trials["used_beta_2"].tolist()
        assert used == pytest.approx([0.999, 0.999999, 0.9999999], rel=1e-9)
        assert len(one.reruns) == 1

    def test_test_results_of_some_trials_only_decide_nothing(self, write):
        """As where the test set is asked once, for the trial that was selected."""
        rows = [
            f"{one},{level + i / 1000},{level if i == 0 else ''},300,300"
            for one, level in (("sgd", 0.3), ("adam", 0.1))
            for i in range(40)
        ]
        text = "optimizer,validation,test,num_validation,num_test\n" + "\n".join(rows)
        (comparison,) = read_comparisons(write(text))
        assert main_statistic(comparison) == "validation"
        assert answer(ranking(comparison)) == "adam is the best at K = 4: ahead of sgd by 20.00 pp."
        (finding,) = (f for f in audit([comparison]) if "test metric" in f.title)
        assert finding.title == "test metric of some trials only"
        assert "sgd 1 of 40, adam 1 of 40" in finding.evidence
        assert [one.winner["test_metric"] for one in comparison.contestants] == [0.3, 0.1]

    def test_an_optimizer_without_test_results_is_compared_by_validation(self, write):
        rows = [f"sgd,{i / 1000 + 0.3},0.3" for i in range(40)]
        rows += [f"adam,{i / 1000 + 0.1}," for i in range(40)]
        text = "optimizer,validation,test\n" + "\n".join(rows)
        (comparison,) = read_comparisons(write(text))
        assert answer(ranking(comparison)).startswith("adam is the best at K = 4")
        (finding,) = (f for f in audit([comparison]) if "test metric" in f.title)
        assert "sgd 40 of 40, adam 0 of 40" in finding.evidence

    def test_training_losses_of_some_trials_only_decide_nothing(self, write):
        rows = [
            f"{one},{i / 1000 + 0.1},{0.5 if one == 'sgd' or i else ''}"
            for one in ("sgd", "adam")
            for i in range(40)
        ]
        text = "optimizer,validation,train_loss\n" + "\n".join(rows)
        sgd, adam = read_comparisons(write(text))[0].contestants
        assert measured(sgd, "train_loss") and not measured(adam, "train_loss")

    def test_runs_of_other_lengths_are_not_of_one_trial(self, write):
        text = "optimizer,test,lr,steps,seed\na,1,1,10,1\na,1,1,20,2\na,1,1,21,3\n"
        assert the_only(write(text)).num_feasible == 2

    def test_lengths_are_compared_with_the_shortest(self, write):
        """Each is within a fifth of the one before."""
        rows = "".join(f"a,1,1,{steps},{steps}\n" for steps in (1000, 1150, 1300, 1500))
        one = the_only(write(f"optimizer,test,lr,steps,seed\n{rows}"))
        assert one.trials["steps"].tolist() == [1000, 1300]
        assert one.reruns["seed"].tolist() == [1150, 1500]

    def test_lengths_of_other_trials_draw_no_line_between_runs(self, write):
        """1,079 and 1,081 are on both sides of 1.2 times 900."""
        rows = "a,1,1,900,1\na,1,2,1079,1\na,1,2,1081,2\n"
        one = the_only(write(f"optimizer,test,lr,steps,seed\n{rows}"))
        assert (one.num_feasible, len(one.reruns)) == (2, 1)

    def test_rows_without_a_seed_are_no_runs(self, write):
        assert the_only(write("optimizer,test,lr,seed\na,1,1,\na,1,1,\n")).num_feasible == 2

    def test_another_name_of_the_seed(self, write):
        assert (
            the_only(write("optimizer,test,lr,random_seed\na,1,1,1\na,1,1,2\n")).num_feasible == 1
        )

    @pytest.mark.parametrize(
        "name", ["run_id", "Run Name", "runTime", "train_loss", "epoch", "best_top1_acc"]
    )
    def test_runs_may_differ_in_what_is_of_a_run(self, write, name):
        text = f"optimizer,test,lr,{name},seed\na,1,1,7,1\na,1,1,8,2\n"
        assert the_only(write(text)).num_feasible == 1


class TestColumnsThatShift:
    def test_a_field_beyond_the_header(self, write):
        """A decimal comma made the optimizers "0.081, 0.09, 0.079"."""
        path = write("optimizer,validation,test\nadam,0.081,0.09,0.1\nsgd,0.09,0.1\n")
        with pytest.raises(StudyError, match="line 2: has more fields than the header's 3"):
            read_comparisons(path)

    def test_an_empty_field_beyond_the_header_is_none(self, write):
        assert the_only(write("optimizer,test\nadam,0.1,\nadam,0.2,\n")).num_feasible == 2

    @pytest.mark.parametrize("separator", [";", "\t", "|"])
    def test_other_separators_and_decimal_commas(self, write, separator):
        text = "# of my tool\n\noptimizer;test;lr\nadam;0,25;1e-3\nadam;0,5;0,01\n"
        adam = the_only(write(text.replace(";", separator)))
        assert list(adam.trials["test_metric"]) == [0.25, 0.5]
        assert list(adam.searched("alpha0")) == [0.001, 0.01]

    def test_decimal_commas_and_points_in_one_table(self, write):
        with pytest.raises(StudyError, match="'test' has decimal commas, and 'lr' has points"):
            read_comparisons(write("optimizer;test;lr\nadam;0,25;0.5\n"))

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
    def test_encodings_with_a_mark(self, tmp_path, encoding):
        path = tmp_path / "t.csv"
        path.write_bytes("optimizer,test\nñadam,0.1\n".encode(encoding))
        assert path.read_bytes()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF8[:2])
        assert the_only(path).name == "ñadam"

    def test_what_is_no_text_is_one_line(self, tmp_path):
        path = tmp_path / "t.csv"
        path.write_bytes(b"optimizer,test\n\xff\xe4dam,0.1\n")
        with pytest.raises(StudyError, match="is not UTF-8 text; save or export it"):
            read_comparisons(path)

    def test_a_name_that_comes_twice(self, write):
        with pytest.raises(StudyError, match="must appear only once; got 'lr' twice"):
            read_comparisons(write("optimizer,test,lr,lr\nadam,0.1,1,2\n"))

    def test_one_optimizer_spelled_in_three_ways(self, write):
        path = write("optimizer,test\nAdam,0.1\nadam,0.2\nADAM,0.3\n")
        assert the_only(path).num_feasible == 3
        (comparison,) = read_comparisons(path)
        assert comparison.remarks == ("Taken for one optimizer: adam as Adam, ADAM as Adam.",)

    def test_lines_are_counted_with_those_before_the_header(self, write):
        with pytest.raises(StudyError, match="line 4: 'test' must be a number"):
            read_comparisons(write("# note\noptimizer,test\nadam,0.1\nadam,x\n"))


class TestWhatIsOneColumn:
    def test_two_columns_of_one_hyperparameter(self, write):
        """PyTorch's RMSprop has lr, and its alpha is a decay."""
        with pytest.raises(StudyError, match="'lr' and 'alpha' are two columns of one"):
            read_comparisons(write("optimizer,test,lr,alpha\nrmsprop,1,0.1,0.99\n"))

    def test_the_gamma_of_a_schedule_is_no_momentum(self, write):
        sgd = the_only(write("optimizer,test,lr,gamma\nsgd,1,0.1,0.5\nsgd,1,0.2,0.5\n"))
        assert sgd.rule.name == "sgd" and sgd.searched_names == ("eta0",)

    def test_a_trial_without_a_validation_metric_is_left_out(self, write):
        path = write("optimizer,validation,test\na,0.1,0.2\na,,0.1\nb,,0.1\nb,0.2,0.1\n")
        (comparison,) = read_comparisons(path)
        assert [one.num_feasible for one in comparison.contestants] == [1, 1]
        assert comparison.remarks == ("Left out, without a validation metric: 1 of a, 1 of b.",)

    def test_what_diverged_needs_no_validation_metric(self, write):
        text = "optimizer,validation,test,diverged,lr\nadam,,0.9,1,1\nadam,0.1,0.2,0,2\n"
        adam = the_only(write(text))
        assert (adam.num_feasible, adam.num_infeasible) == (1, 1)

    def test_single_precision_at_the_end_of_a_range(self, write):
        """Of a beta of 0.999 it is off by 1.3e-8, of 1 - beta by more than one in a million."""
        text = "optimizer,validation,beta_2,beta_2_low,beta_2_high\n"
        text += "adam,0.1,0.9990000128746033,0.9,0.999\nadam,0.2,0.95,0.9,0.999\n"
        adam = the_only(write(text))
        assert adam.dimensions["one_minus_beta2"].low == pytest.approx(0.001)

    def test_a_state_is_a_status(self, write):
        path = write("optimizer,test,State\na,0.1,PRUNED\na,0.2,COMPLETE\na,,FAIL\n")
        one = the_only(path)
        assert (one.num_feasible, one.num_infeasible) == (1, 0)
        assert the_only(write("optimizer,test,State\na,0.1,CA\n")).num_feasible == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "optimizer;num_test;test\na;10.000;0,5\n",
                "'num_test' has points in numbers: '10.000'",
            ),
            ("optimizer,test,num_test\na,0.1,10\na,0.1,20\n", "num_test must be one number"),
            ("optimizer,test\na,0.1\n# mid,2\n", "line 3: begins with '#'"),
            ("optimizer,test\na,True\n", "'test' must be numbers; got true and false"),
            ("optimizer,test\na,10%\n", r"got '10%' \(write 10 % as 0.1\)"),
            ('optimizer,test\na,"10,000"\n', r"got '10,000' \(without marks"),
            ("optimizer,test,status\na,0.1,0\n", "'status' must be one of .*got '0'"),
            ("optimizer,test,lr,learning_rate_low,learning_rate_high\na,1,50,0.01,1\n", "between"),
            ("\n\noptimizer,test\n\na,x\n", "line 5: 'test' must be a number"),
        ],
    )
    def test_what_cannot_be_meant(self, write, text, message):
        with pytest.raises(StudyError, match=message):
            read_comparisons(write(text))

    def test_a_spreadsheet_names_its_separator_and_breaks_lines(self, write):
        one = the_only(write('sep=;\n"optimizer";"the\ntest";test\na;1;0,5\n'))
        assert one.winner["test_metric"] == 0.5

    @pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x1f\x8b\x08"])
    def test_what_is_no_text(self, tmp_path, start):
        path = tmp_path / "t.csv"
        path.write_bytes(start + bytes(100))
        with pytest.raises(StudyError, match="it is no text; export the table as CSV"):
            read_comparisons(path, None, TableMap(ignore=("x",)))


class TestWhichWayIsBetter:
    def test_maximize_alone(self, write):
        path = write("optimizer,validation\nadam,0.9\nadam,0.8\n")
        assert the_only(path, TableMap(maximize=True)).winner["trial"] == 0
        assert the_only(path).winner["trial"] == 1

    @pytest.mark.parametrize("column", ["val/accuracy", "val-acc", "val F1"])
    @pytest.mark.parametrize("text", ["{}", "`{}`", "100*`{}`", "`{}` - 1"])
    def test_no_name_hides_that_higher_is_better(self, write, column, text):
        path = write(f"optimizer,{column}\nadam,0.9\nadam,0.8\n")
        asked = TableMap(columns={"validation": text.format(column)})
        with pytest.raises(StudyError, match="looks as if higher were better") as caught:
            read_comparisons(path, None, asked)
        (_, _, command) = str(caught.value).partition("--map ")
        turned = TableMap(columns=parse_assignments(shlex.split(command), "--map"))
        assert the_only(path, turned).winner["trial"] == 0

    def test_an_accuracy_is_not_taken_as_it_is(self, write):
        path = write("optimizer,val_acc\nadam,0.9\nadam,0.8\n")
        asked = TableMap(columns={"validation": "val_acc"})
        with pytest.raises(StudyError, match="say --maximize, or --map 'validation=1 - val_acc'"):
            read_comparisons(path, None, asked)
        turned = TableMap(columns={"validation": "1 - val_acc"})
        assert the_only(path, turned).winner["validation_metric"] == pytest.approx(0.1)
        maximised = TableMap(columns={"validation": "val_acc"}, maximize=True)
        assert the_only(path, maximised).winner["trial"] == 0

    def test_shares_are_not_negative(self, write):
        with pytest.raises(StudyError, match=r"line 3: with .* in \[0, 1\]; got -0.2"):
            read_comparisons(write("optimizer,test,num_test\nadam,0.1,9\nadam,-0.2,9\n"))


class TestBudgets:
    def budget(self, write, **steps):
        rows = [
            f"{one},{0.1 + i / 100},{s}" for one, each in steps.items() for i, s in enumerate(each)
        ]
        found = audit(read_comparisons(write("\n".join(["optimizer,test,steps", *rows]))))
        return [f.severity for f in found if "budget" in f.title]

    def test_a_budget_of_time_is_no_fault(self, write):
        """Steps of AlgoPerf's trials."""
        adam, sgd = [57218, 58000, 59229], [57500, 58100, 58900]
        assert self.budget(write, adam=adam, sgd=sgd) == ["note"]

    def test_short_trials_among_long_ones(self, write):
        assert self.budget(write, adam=[50, 1000, 1000], sgd=[1000, 1000, 1000]) == ["error"]

    def test_fewer_steps_of_one_optimizer(self, write):
        assert self.budget(write, adam=[1000] * 3, sgd=[900] * 3) == ["error"]
        assert self.budget(write, adam=[1000] * 3, sgd=[1000] * 3) == []


class TestSeeds:
    def test_points_that_were_run_with_several_seeds_have_no_one_seed(self, write):
        """As AlgoPerf runs them: every point in five studies."""
        rng = np.random.default_rng(0)
        rows = [
            f"{name},{0.1 + lr / 10 + rng.normal() / 1000},{lr},{seed}"
            for name in ("adam", "sgd")
            for lr in (0.1, 0.2, 0.3)
            for seed in range(5)
        ]
        text = "\n".join(["optimizer,test,lr,seed", *rows])
        assert "one seed, and a gap that may be its noise" not in titles(write(text))
        one_seed = "\n".join(["optimizer,test,lr,seed", *(r for r in rows if r.endswith(",0"))])
        assert "one seed, and a gap that may be its noise" in titles(write(one_seed))

    def test_the_test_metric_is_called_so(self, write):
        rows = ["adam,0.1,1,0", *(f"adam,0.2{i},1,{i}" for i in range(1, 5)), "adam,0.3,2,0"]
        (finding,) = [
            finding
            for finding in audit(
                read_comparisons(write("\n".join(["optimizer,test,lr,seed", *rows])))
            )
            if finding.title == "the winner was lucky"
        ]
        assert "test 0.1;" in finding.evidence and "validation" not in finding.evidence


def test_identical_trials_and_no_test_metric_are_noted(write):
    path = write("optimizer,validation,lr\nadam,0.1,1\nadam,0.1,1\nadam,0.2,2\n")
    found = titles(path)
    assert "identical trials" in found and "no test metric" in found


class TestMaps:
    TABLE = pd.DataFrame(
        {
            "val/accuracy": [0.9, 0.8],
            "val": [2.0, 3.0],
            "a b": [1.0, 5.0],
            "opt": ["x", "y"],
            "1": [7.0, 8.0],
        }
    )

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("1 - val/accuracy", [0.1, 0.2]),  # the longest name
            ("`val` / 2", [1.0, 1.5]),
            ("(a b + val) * -2e0", [-6.0, -16.0]),
            ("1-2-val", [-3.0, -4.0]),
            ("8/4/val", [1.0, 2 / 3]),
            ("opt", ["x", "y"]),
            ("0.5", 0.5),
            ("`1` - 1", [6.0, 7.0]),  # a number is one, but for backticks
        ],
    )
    def test_expressions(self, text, values):
        found = TableMap(columns={"validation": text}).applied(self.TABLE)["validation"]
        if isinstance(values, list) and isinstance(values[0], str):
            assert list(found) == values
        else:
            np.testing.assert_allclose(found, values)

    @pytest.mark.parametrize(
        "text",
        [
            "1 -",
            "val**2",
            "__import__('os')",
            "vals",
            "(val",
            "opt + 1",
            "`no`",
            "val val",
            "8/0",
            "val/(val-2)",
            "(" * 999,
        ],
    )
    def test_what_is_no_expression(self, text):
        with pytest.raises(StudyError, match="--map"):
            TableMap(columns={"validation": text}).applied(self.TABLE)

    def test_columns_that_were_used_are_gone(self):
        how = TableMap(columns={"validation": "1 - val/accuracy", "opt": "opt"}, ignore=("a b",))
        assert list(how.applied(self.TABLE)) == ["val", "opt", "1", "validation"]

    def test_a_file_beside_the_table(self, write):
        path = write("opt,val_acc,lr,run\nadam,0.9,0.1,1\nadam,0.7,1,2\n")
        path.with_name("audit.toml").write_text(
            'maximize = true\nignore = ["run"]\n[map]\noptimizer = "opt"\nvalidation = "val_acc"\n'
            '[range]\n"adam:lr" = "0.01:10:log"\n'
        )
        adam = the_only(path)
        assert adam.winner["trial"] == 0
        assert adam.dimensions["alpha0"] == LogUniform(low=0.01, high=10.0)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("maps = 1", "a key must be one of .*got 'maps'"),
            ("map = 1", "'map' must be a dict"),
            ("[map", "cannot be read"),
            ('[range]\nlr = "5"', "must be low:high"),
            ('[range]\nlr = "0:1:log"', "--range of lr"),
            ('[range]\nlr = "-inf:inf"', "--range of lr"),
            ('[range]\nlr = "1:2"', "alpha0 must lie between 1 and 2, its range; got 0.1"),
            ('[range]\n"adm:lr" = "0:1"', r"--range must be of one of \['adam'\]; got 'adm'"),
            ('[range]\nvalidation = "0:1"', "--range must be of hyperparameters"),
            ('[range]\nx = "0:1"', "--range must be of hyperparameters"),
            ('ignore = ["x"]', "--ignore must name columns"),
        ],
    )
    def test_a_file_that_makes_no_sense(self, write, text, message):
        path = write("optimizer,validation,lr\nadam,0.9,0.1\n")
        path.with_name("audit.toml").write_text(text)
        with pytest.raises(StudyError, match=message):
            read_comparisons(path)

    def test_the_range_of_one_optimizer_comes_first(self, write):
        path = write("optimizer,validation,lr\nAdam,0.9,0.1\n")
        ranges = {"adam:lr": "0.01:1:log", "lr": "0.001:1:log"}
        assert the_only(path, TableMap(ranges=ranges)).dimensions["alpha0"].low == 0.01

    def test_assignments(self):
        assert parse_assignments(["a = 1 - b"], "--map") == {"a": "1 - b"}
        for wrong, message in ((["a"], "must be name="), (["a=1", "a=2"], "each once")):
            with pytest.raises(StudyError, match=message):
                parse_assignments(wrong, "--map")

    def test_a_metric_that_is_a_text_is_refused_with_its_line(self, write):
        path = write("optimizer,val_acc\nadam,good\n")
        with pytest.raises(StudyError, match="line 2: 'validation' must be a number; got 'good'"):
            read_comparisons(path, None, TableMap(columns={"validation": "val_acc"}))

    def test_a_map_is_of_a_table(self, tmp_path):
        with pytest.raises(StudyError, match="are of tables"):
            read_comparisons(tmp_path, None, TableMap(ignore=("x",)))


def test_what_a_fair_comparison_would_take(write):
    """By hand: 18 and 17 trials of 100 and 300 seconds are missing to 20."""
    path = write(
        "optimizer,validation,test,seconds\nadam,.1,.1,90\nadam,.2,.2,110\n"
        "sgd,.1,.1,300\nsgd,.2,.2,300\nsgd,.3,.2,300\n"
    )
    found = {f.title: f.next_step for f in audit(read_comparisons(path))}
    assert found["fewer than tens of trials"].endswith(
        ": 35 more trials, about 1.9 hours one after the other"
    )
    assert found["unequal numbers of trials"].endswith(
        ": 1 more trial, about 1.7 minutes one after the other"
    )


def test_an_interval_that_is_not_known_is_said(write):
    path = write("optimizer,validation,test\nadam,.1,.1\nsgd,.2,.2\n")
    page = write_report(read_comparisons(path), path.parent).html.read_text(encoding="utf-8")
    assert "no interval: too few trials" in page
    assert "inf]" not in page
