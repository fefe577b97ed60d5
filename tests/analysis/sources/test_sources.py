"""Which source reads a path, and what all sources have in common."""

import json
import multiprocessing
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import SOURCES, mapping, read_comparisons
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.spaces import LogUniform
from tfoptcmp.study.schema import Status, StudyError


def test_paths_that_cannot_be_read_say_why(tmp_path, monkeypatch):
    empty, locked = tmp_path / "empty", tmp_path / "locked"
    empty.mkdir()
    locked.mkdir()
    (empty / "notes.txt").write_text("of something else")

    def refuse(path, listed=os.listdir):
        if path == locked:  # as for anybody but root
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(StudyError, match=f"^{locked} cannot be read: Permission denied$"):
        read_comparisons([locked])
    for path, wrong in (
        (tmp_path / "nowhere", "No such file or directory"),
        (tmp_path / "nowhere.csv", "No such file or directory"),
        (empty / "notes.txt" / "sgd", "Not a directory"),
    ):
        with pytest.raises(StudyError, match=f"^{path} cannot be read: {wrong}$"):
            read_comparisons([path])


def test_a_directory_without_results_says_what_is_in_it(tmp_path):
    with pytest.raises(StudyError, match=r"as results; in it: nothing\. Looked for: "):
        read_comparisons(tmp_path)
    for i in range(7):
        (tmp_path / f"{i}.txt").write_text("of something else")
    (tmp_path / "a").mkdir()
    with pytest.raises(StudyError, match=r"in it: 0\.txt, 1\.txt, .*4\.txt and 3 others\.") as e:
        read_comparisons(tmp_path)
    message = str(e.value)
    assert all(source.title in message for source in SOURCES.values())
    assert "docs/importers.md" in message and "tfoptcmp-audit --columns" in message
    assert len(message) < 400 + len(str(tmp_path))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b'{"a": 1}', b'a,"b\nc', b"PK\x03\x04"])
def test_a_file_that_is_no_table(tmp_path, content):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"results\.csv.*tfoptcmp-audit --columns"):
        read_comparisons(path)


def test_our_own_studies_too_deep_are_not_found(tmp_path, make_signature, write_study):
    """Reading and looking go one level down; looking must not walk through the trials."""
    write_study(tmp_path / "a" / "b", make_signature("sgd"), [0.1, 0.2])
    assert len(read_comparisons(tmp_path / "a" / "b")) == 1
    with pytest.raises(StudyError, match=r"as results; in it: a/\. Looked for: .*tfoptcmp"):
        read_comparisons(tmp_path)


def sacred_run(write, number, rate, optimizer="adam", at="mine/runs"):
    """A run in sacred's layout."""
    write(json.dumps({"optimizer": optimizer, "lr": rate}), f"{at}/{number}/config.json")
    state = {"experiment": {"name": "digits"}, "status": "COMPLETED"}
    write(json.dumps({**state, "result": {"val_loss": rate}}), f"{at}/{number}/run.json")


def hydra_run(write, number, rate, *, results):
    write(f"optimizer: sgd\nlr: {rate}\n", f"mine/multirun/{number}/.hydra/config.yaml")
    if results:
        write(json.dumps({"val_loss": rate}), f"mine/multirun/{number}/metrics.json")


def optuna_journal(write, name):
    """A study of Optuna, of one optimizer and one trial."""
    of_rate = {"name": "FloatDistribution", "attributes": {"low": 0.001, "high": 1.0, "log": True}}
    lines = [
        {"op_code": 0, "study_name": "sgd", "directions": [1]},
        {
            **{"op_code": 4, "study_id": 0, "state": 1, "values": [0.1], "params": {"lr": 0.1}},
            "distributions": {"lr": json.dumps(of_rate)},
            **{"user_attrs": {}, "system_attrs": {}, "intermediate_values": {}},
        },
    ]
    return write("".join(json.dumps(line) + "\n" for line in lines), name)


def of_data(write, tool, number, data, rounds):
    """A run of a tool on a data set."""
    settings = {"optimizer": ("adam", "sgd")[number % 2], "lr": 0.1 * number, "data": data}
    result = {"val_loss": len(data)}
    if tool == "sacred":
        write(json.dumps(settings), f"all/{number}/config.json")
        state = {"experiment": {"name": "x"}, "status": "COMPLETED", "result": result}
        write(json.dumps(state), f"all/{number}/run.json")
    elif tool == "hydra":
        lines = [f"{name}: {value}\n" for name, value in settings.items()]
        write("".join(lines), f"all/{number}/.hydra/config.yaml")
        write(json.dumps(result), f"all/{number}/metrics.json")
    elif tool == "keras-tuner":
        measured = {"direction": "min", "observations": [{"value": [len(data)], "step": 0}]}
        names = [{"name": name, "conditions": [], "value": v} for name, v in settings.items()]
        trial = {
            "hyperparameters": {
                "space": [{"class_name": "Fixed", "config": one} for one in names],
                "values": settings,
            },
            "metrics": {"metrics": {"val_loss": measured}},
            **{"score": len(data), "best_step": 0, "status": "COMPLETED"},
        }
        write(json.dumps(trial), f"all/trial_{number}/trial.json")
        write("{}", "all/oracle.json")
    else:
        write("{}", "all/experiment_state-1.json")
        write(json.dumps(settings), f"all/{number}/params.json")
        last = {**result, "training_iteration": rounds, "done": True}
        write(json.dumps(last) + "\n", f"all/{number}/result.json")


@pytest.mark.parametrize("tool", ["sacred", "hydra", "keras-tuner", "ray"])
def test_data_sets_are_comparisons_of_their_own(write, tool):
    """With Ray Tune those of fewer rounds counted as stopped, too."""
    for number in range(12):
        of_data(write, tool, number, *(("mnist", 2) if number < 6 else ("cifar10", 9)))
    found = read_comparisons(write("", "all/notes.txt").parent)
    assert {one.workload.rpartition(", ")[2]: one.num_trials for one in found} == {
        "mnist": 3,
        "cifar10": 3,
    }
    for one in found:
        (error,) = {e for of_one in one.contestants for e in of_one.trials["validation_metric"]}
        assert error == len(one.workload.rpartition(", ")[2])
        assert "Runs that differ in data are comparisons of their own." in one.remarks


def test_a_directory_of_several_tools(write):
    """The first tool was read, and the others were left out without a word."""
    for i in range(3):
        sacred_run(write, i, 0.1 * (1 + i))
        hydra_run(write, i, 0.1 * (1 + i), results=True)
    above = optuna_journal(write, "mine/journal.log").parent
    found = read_comparisons(above)
    assert [one.contestants[0].name for one in found] == ["sgd", "adam", "sgd"]
    for one in found:
        assert (
            f"{above} holds results of hydra (multirun), sacred (runs), Optuna (journal.log): each "
            "tool's are comparisons of their own, even if they are of the same trials."
        ) in one.remarks
    (alone,) = read_comparisons(above / "journal.log")
    assert not any("holds results of" in remark for remark in alone.remarks)
    assert len(read_comparisons([above / "journal.log", above / "runs"])) == 2


def test_storages_in_folders_are_found(write):
    """Not those of environments, hidden folders or our own studies."""
    for name in (
        "a/j.log",
        "b/c/j.log",
        "b/c/d/j.log",
        ".git/j.log",
        "venv/j.log",
        "e/f/g/h/j.log",
    ):
        optuna_journal(write, f"all/{name}")
    optuna_journal(write, "all/own/trials/j.log")
    write(json.dumps({"parameter_configs": []}), "all/own/study.json")
    above = write("", "all/notes.txt").parent
    assert SOURCES["optuna"].find(above) == [
        above / n for n in ("a/j.log", "b/c/j.log", "b/c/d/j.log")
    ]
    of_one = above / "b"
    assert [one.workload for one in read_comparisons(of_one)] == ["j", "j"]  # no folders beside


TABLE = "optimizer,validation,lr\nadam,0.9,0.1\nadam,0.8,0.2\n"


def test_tables_in_a_directory_are_read_or_named(write):
    """They were dropped without a word, beside other results and alone."""
    write("x,y\n1,2\n", "all/notes.csv")
    write('[range]\nlr = "0.01:1:log"\n', "all/b/audit.toml")
    above = write(TABLE, "all/b/t.csv").parent.parent
    (found,) = read_comparisons(above)
    assert found.workload == "t" and found.contestants[0].dimensions["alpha0"].high == 1.0
    write(TABLE.replace(",", ";"), "all/u.csv")
    with pytest.raises(StudyError, match=r"Not read: u\.csv, b/t\.csv; give a table by its own"):
        read_comparisons(above)
    optuna_journal(write, "all/journal.log")
    (found,) = read_comparisons(above)
    assert found.contestants[0].name == "sgd"
    assert found.remarks[-1] == "Not read: u.csv, b/t.csv; give a table by its own path."


def link_to_itself(path):
    """Nobody can read it, root included."""
    path.symlink_to(path.name)
    return path


def test_a_trial_that_cannot_be_read_refuses_its_tool_alone(write):
    above = optuna_journal(write, "all/journal.log").parent
    sacred_run(write, 0, 0.1, at="all/runs")
    trial = link_to_itself(above / "runs/1")
    (found,) = read_comparisons(above)
    assert found.contestants[0].name == "sgd"
    assert found.remarks[-1].startswith(f"Results of sacred were not read: {trial}")
    with pytest.raises(StudyError, match=f"^{trial}"):  # no trial vanishes
        read_comparisons(above / "runs")
    (above / "journal.log").unlink()
    with pytest.raises(StudyError, match=f"^{trial}"):
        read_comparisons(above)


def of_nobody(directory, answers):
    """The end of what is said to a user without rights; root itself may read everything."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        answers.put(read_comparisons(directory)[0].remarks)
    except Exception as error:
        answers.put(f"{type(error).__name__} {error}")


@pytest.mark.parametrize("name", ["t.csv", "b.log", "sub"])
def test_without_permission(write, name):
    """The message named the directory, or a file that was not there."""
    read_comparisons(write(TABLE))  # all is imported
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as there:  # pytest's is closed to others
        directory = Path(there)
        for one in ("a.log", "b.log"):
            optuna_journal(write, one).rename(directory / one)
        write(TABLE).rename(directory / "t.csv")
        (directory / "sub").mkdir()
        directory.chmod(0o755)
        (directory / name).chmod(0)
        if name != "b.log":
            (directory / "b.log").unlink()
        answers = context.SimpleQueue()
        child = context.Process(target=of_nobody, args=(directory, answers))
        child.start()
        child.join()
        assert f"Not read: {directory / name} cannot be read: Permission denied." in answers.get()


def test_what_cannot_be_read_beside_other_results_is_said(write):
    """Such as the folder of a program that hydra only started."""
    sacred_run(write, 0, 0.1)
    hydra_run(write, 0, 0.1, results=False)
    above = write("", "mine/notes.txt").parent
    (found,) = read_comparisons(above)
    assert found.remarks[-1].startswith("Results of hydra were not read: ")
    write("{}", "mine/runs/0/run.json")
    with pytest.raises(StudyError, match=r"no run of hydra has.* holds results of hydra"):
        read_comparisons(above)


def test_beside_our_own_studies(write, make_signature, write_study):
    above = write("", "mine/notes.txt").parent
    write_study(above, make_signature("sgd"), [0.1, 0.2])
    sacred_run(write, 0, 0.1)
    hydra_run(write, 0, 0.1, results=True)
    found = read_comparisons(above)
    assert [one.contestants[0].name for one in found] == ["sgd", "sgd", "adam"]


def ranges(**given):
    return TableMap(ranges=given)


def test_a_range_that_a_tool_does_not_record(write):
    for i in range(4):
        sacred_run(write, i, 0.1 * (1 + i), ("adam", "sgd")[i % 2])
    above = write("", "mine/notes.txt").parent
    (before,) = read_comparisons(above)
    (found,) = read_comparisons(above, how=ranges(lr="1e-3:10:log", **{"SGD:lr": "0.01:1:log"}))
    assert {one.name: one.dimensions for one in found.contestants} == {
        "adam": {"alpha0": LogUniform(low=1e-3, high=10.0)},
        "sgd": {"eta0": LogUniform(low=0.01, high=1.0)},
    }
    assert found.remarks == before.remarks
    without, given = ({f.title: f.evidence for f in audit([one])} for one in (before, found))
    key = "search spaces not reported"
    assert "learning_rate" in without[key] and "learning_rate" not in given.get(key, "")


def test_a_range_in_the_place_of_a_recorded_one_is_said(write):
    path = optuna_journal(write, "journal.log")
    (found,) = read_comparisons(path, how=ranges(learning_rate="1e-4:1:log"))
    assert found.contestants[0].dimensions == {"eta0": LogUniform(low=1e-4, high=1.0)}
    assert found.remarks[-1] == (
        "sgd: the range of learning_rate is the one given, log-uniform in [0.0001, 1), in the "
        "place of that on record, log-uniform in [0.001, 1)."
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x", "0:1", r"--range must be of hyperparameters, of \['learning_rate'\]; got 'x'$"),
        ("adm:lr", "0:1", r"--range must be of one of \['adam'\]; got 'adm'$"),
        ("lr", "0", "--range of lr must be low:high"),
        ("lr", "1:2", "adam: alpha0 must lie between 1 and 2, its range; got 0.1"),
    ],
)
def test_a_range_that_makes_no_sense(write, name, text, message):
    sacred_run(write, 0, 0.1)
    with pytest.raises(StudyError, match=message):
        read_comparisons(write("", "mine/notes.txt").parent, how=ranges(**{name: text}))


def test_columns_are_of_tables(write):
    above = optuna_journal(write, "mine/journal.log").parent
    sqlite3.connect(above / "mlflow.db").executescript("CREATE TABLE runs (id)").close()
    for how in (TableMap(columns={"test": "x"}), TableMap(ignore=("x",))):
        for path in (above, above / "journal.log", above / "mlflow.db"):
            with pytest.raises(StudyError, match=f"of tables \\(CSV files\\); {path} is none$"):
                read_comparisons(path, how=how)


def test_a_file_beside_a_table_is_read_once(write, monkeypatch):
    """And its ranges count for another tool's export, too."""
    path = write("optimizer,validation,lr\nadam,0.9,0.1\n")
    write('[range]\nlr = "0.01:1:log"\n', "audit.toml")
    read = []

    def beside(path, once=mapping.beside):
        read.append(path)
        return once(path)

    monkeypatch.setattr(mapping, "beside", beside)
    (found,) = read_comparisons(path)
    assert read == [path] and found.contestants[0].dimensions["alpha0"].low == 0.01
    rows = "number,value,params_optimizer,params_lr,state\n0,0.1,sgd,0.1,COMPLETE\n"
    (found,) = read_comparisons(write(rows, "trials.csv"))
    assert found.contestants[0].dimensions["eta0"].low == 0.01


def test_results_of_several_tools(six_rules, write):
    path = write("optimizer,validation\nadam,0.2\n")
    found = read_comparisons([path, six_rules, path], tuning_budget=3)
    assert [one.workload for one in found] == ["digits_simple_cnn", "results"]
    assert [one.tuning_budget for one in found] == [3, 3]


def test_our_own_studies(six_rules):
    (comparison,) = read_comparisons(six_rules)
    assert [one.rule.name for one in comparison.contestants] == [
        *("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
    ]
    sgd = comparison.contestants[0]
    assert sgd.trials["largest_gradient_rms"].iloc[-1] == 1.0  # exp(-0): the largest measured
    assert sgd.schedule == "linear_decay"
    assert len(sgd.trials) == 15 and sgd.num_feasible == 10


def test_trials_that_did_not_end_are_no_evidence(tmp_path, make_signature, write_study):
    unfinished = (Status.RUNNING, Status.FAILED)
    write_study(tmp_path, make_signature("sgd"), [0.1, 0.2], infeasible=1, unfinished=unfinished)
    (sgd,) = read_comparisons(tmp_path)[0].contestants
    assert (len(sgd.trials), len(sgd.ended)) == (5, 3)
    assert (sgd.num_feasible, sgd.num_infeasible, sgd.num_failed) == (2, 1, 1)
