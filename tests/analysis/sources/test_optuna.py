"""Studies that Optuna itself writes, in each of its formats."""

import json
import math
import warnings

import numpy as np
import pytest

from tests.analysis.sources.alarms import false_alarms
from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.optuna_ranges import is_outside
from tfoptcmp.metrics import ACCURACY, Metric
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Choice, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError

optuna = pytest.importorskip("optuna")

NUM_TRIALS = 24
PRUNED, REPORTED_NAN, INFINITE, CRASHED = (4, 5), (6, 7), 8, 9


def journal(path):
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))


def objective(trial):
    """An accuracy; of what no number says, the learning rate of each optimizer has its own name."""
    if trial.suggest_categorical("optimizer", ["adam", "sgd"]) == "adam":
        rate = trial.suggest_float("adam_lr", 1e-5, 1e-1, log=True)
        trial.suggest_float("beta_1", 0.8, 0.99)
        trial.suggest_float("beta_2", 0.9, 0.999)
        trial.suggest_float("epsilon", 1e-10, 1.0, log=True)
        away = math.log10(rate) + 3
    else:
        away = math.log10(trial.suggest_float("lr_sgd", 1e-3, 10, log=True)) + 1
    trial.suggest_int("layers", 1, 3)
    trial.suggest_float("dropout", 0, 0.5, step=0.25)
    trial.suggest_categorical("batch_size", [32, 64])
    trial.set_user_attr("seed", trial.number)
    trial.set_user_attr("steps", 100)
    trial.set_user_attr("test_accuracy", 0.88 - 0.05 * away**2)
    trial.set_user_attr("machine", "a")
    trial.report(0.5, 1)
    if trial.number in PRUNED:
        raise optuna.TrialPruned
    if trial.number in REPORTED_NAN:
        trial.report(math.nan, 2)
        return math.nan
    if trial.number == CRASHED:
        raise MemoryError
    return -math.inf if trial.number == INFINITE else 0.9 - 0.05 * away**2


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Twelve trials of each optimizer, in a journal."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = tmp_path_factory.mktemp("optuna") / "journal.log"
    study = optuna.create_study(
        study_name="digits",
        storage=journal(path),
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
        study.set_metric_names(["accuracy"])
    for number in range(NUM_TRIALS):
        study.enqueue_trial({"optimizer": ("adam", "sgd")[number % 2]})
    study.optimize(objective, n_trials=NUM_TRIALS, catch=(MemoryError,))
    return study, path


@pytest.fixture
def written(study, tmp_path, request):
    study, path = study
    if request.param == "journal":
        return path
    if request.param == "sqlite":
        storage = f"sqlite:///{tmp_path}/a study.db"
        optuna.copy_study(from_study_name="digits", from_storage=study._storage, to_storage=storage)
        return tmp_path / "a study.db"
    table = study.trials_dataframe(multi_index=request.param == "csv of two levels")
    table.to_csv(tmp_path / "digits.csv", index=request.param != "csv without index")
    return tmp_path / "digits.csv"


STORAGES = ("journal", "sqlite")
TABLES = ("csv", "csv without index", "csv of two levels")


@pytest.mark.parametrize("written", STORAGES, indirect=True)
def test_storages_say_everything(written):
    (comparison,) = read_comparisons(written)
    assert (comparison.workload, comparison.metric) == ("digits", ACCURACY)
    sgd, adam = comparison.contestants
    assert (sgd.rule, adam.rule) == (RULES["sgd"], RULES["adam"])
    # by hand: 12 trials each without the pruned one, what diverged and the one that crashed
    assert (sgd.num_feasible, adam.num_feasible) == (9, 9)
    assert (sgd.num_infeasible, adam.num_infeasible) == (1, 2)
    assert comparison.tuning_budget == 2
    assert comparison.budget == {"steps": 100}
    assert adam.feasible["seed"].tolist() == [0, 2, 10, 12, 14, 16, 18, 20, 22]
    shared = {
        "layers": Choice(values=(1.0, 2.0, 3.0)),
        "dropout": Choice(values=(0.0, 0.25, 0.5)),
        "batch_size": Choice(values=(32.0, 64.0)),
    }
    assert sgd.dimensions == {"eta0": LogUniform(low=1e-3, high=10.0), **shared}
    beta1, beta2 = adam.dimensions["one_minus_beta1"], adam.dimensions["one_minus_beta2"]
    assert (beta1.low, beta1.high) == pytest.approx((0.01, 0.2))
    assert (beta2.low, beta2.high) == pytest.approx((0.001, 0.1))
    assert isinstance(beta1, Uniform)
    assert adam.dimensions["alpha0"] == LogUniform(low=1e-5, high=0.1)
    assert adam.dimensions["epsilon"] == LogUniform(low=1e-10, high=1.0)
    # by hand, from the objective: errors are what accuracies lack to 1
    best = adam.winner
    away = math.log10(adam.values_of(best)["alpha0"]) + 3
    assert best["validation_metric"] == pytest.approx(0.1 + 0.05 * away**2)
    assert best["test_metric"] == pytest.approx(0.12 + 0.05 * away**2)
    assert comparison.not_read == ("machine",)
    assert comparison.contestants[0].directory == str(written)
    remarks = " ".join(comparison.remarks)
    for said in (
        "Left out: 2 pruned, 1 fail.",
        "Optuna study 'digits', 24 trials, direction maximize.",
        "The test metric is the user attribute test_accuracy.",
        "Failed or pruned trials that count as diverged: 2.",
        "Optuna records a trial that returned NaN as failed",
        "Optuna does not record the sampler",
    ):
        assert said in remarks
    titles = {finding.title for finding in audit([comparison]) if finding.severity != "note"}
    assert titles == {"fewer than tens of trials"}


@pytest.mark.parametrize("written", TABLES, indirect=True)
def test_the_csv_has_no_direction_and_no_ranges(written):
    (comparison,) = read_comparisons(written)
    assert (comparison.workload, comparison.metric) == ("digits", ACCURACY)
    sgd, adam = comparison.contestants
    assert (sgd.num_feasible, adam.num_feasible) == (9, 9)
    # What was reported during a trial is not there: NaN and a crash look alike.
    assert (sgd.num_infeasible, adam.num_infeasible) == (0, 1)
    assert adam.searched_names[0] == "alpha0" and "eta0" in sgd.searched_names
    remarks = " ".join(comparison.remarks)
    assert "Left out: 3 fail, 2 pruned." in remarks
    assert "which values are better: higher ones, by the name accuracy." in remarks
    titles = {finding.title for finding in audit([comparison]) if finding.severity != "note"}
    assert titles == {"fewer than tens of trials", "search spaces not reported"}


def csv_of_values(write, values, **attributes):
    """The CSV of a study whose objective has no name."""
    rows = ["number,value,params_optimizer,params_lr,state," + ",".join(attributes)]
    for i, value in enumerate(values):
        more = ",".join(str(given[i]) for given in attributes.values())
        rows.append(f"{i},{value},{('adam', 'sgd')[i % 2]},0.{i + 1},COMPLETE,{more}")
    return write("\n".join(rows) + "\n", "digits.csv")


VALUES = (0.5, 0.7, 0.6, 0.9, 0.8, 0.4)


@pytest.mark.parametrize(
    ("sign", "attribute", "is_higher"),
    [(1, "test_accuracy", True), (-1, "test_accuracy", False), (1, "f1_score", True)],
)
def test_the_direction_of_a_csv_by_its_attributes(write, sign, attribute, is_higher):
    """Accuracies were minimised, with a remark that their name speaks against it."""
    given = {f"user_attrs_{attribute}": [0.5 + sign * v / 10 for v in VALUES]}
    path = csv_of_values(write, VALUES, **given)
    (found,) = read_comparisons(path)
    assert found.metric.maximize is is_higher
    side = "higher" if is_higher else "lower"
    assert any(f"better: {side} ones, as ranks go with {attribute}." in r for r in found.remarks)
    assert found.contestants[0].reports("test_metric") == (
        attribute == "test_accuracy" and is_higher
    )
    if is_higher:
        (said,) = read_comparisons(path, how=TableMap(maximize=True))
        assert [one.winner["trial"] for one in said.contestants] == [
            one.winner["trial"] for one in found.contestants
        ]


def test_a_csv_whose_direction_is_not_clear_is_refused(write, tmp_path):
    path = csv_of_values(write, VALUES, user_attrs_test_accuracy=[0.5] * 6)
    with pytest.raises(StudyError, match="of 'test_accuracy' higher ones are: give --maximize if"):
        read_comparisons(path)
    (found,) = read_comparisons(path, how=TableMap(maximize=True))
    assert found.metric.maximize and found.contestants[0].winner["searched_eta0"] == 0.4
    (found,) = read_comparisons(write(path.read_text().replace("value", "values_loss"), "a.csv"))
    assert not found.metric.maximize and found.metric.name == "loss"
    (found,) = read_comparisons(csv_of_values(write, VALUES))
    assert not found.metric.maximize
    assert any("If higher ones are, give --maximize." in remark for remark in found.remarks)


def add(study, optimizer, error, rate=0.1, **attributes):
    floats = optuna.distributions.FloatDistribution
    study.add_trial(
        optuna.create_trial(
            value=error,
            params={"lr": rate},
            distributions={"lr": floats(1e-4, 1.0, log=True)},
            user_attrs=attributes,
        )
    )


def test_studies_of_one_optimizer_each(tmp_path):
    path = tmp_path / "studies.log"
    for name in ("digits_adam", "digits_sgd"):
        study = optuna.create_study(study_name=name, storage=journal(path))
        for seed in range(3):
            add(study, name, 0.1, rate=0.01 if seed else 0.1, seed=seed, test=0.2)
    optuna.create_study(study_name="empty", storage=journal(path))
    deleted = optuna.create_study(study_name="deleted", storage=journal(path))
    add(deleted, "deleted", 0.1)
    optuna.delete_study(study_name="deleted", storage=journal(path))
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"op_code": 4, "wor')  # killed while it wrote
    (comparison,) = read_comparisons(path)
    assert comparison.workload == "digits"
    sgd, adam = comparison.contestants
    assert (sgd.name, adam.name) == ("sgd", "adam")
    assert (sgd.num_feasible, len(sgd.reruns)) == (2, 1)
    assert comparison.metric == Metric(name="objective", unit="")
    remarks = " ".join(comparison.remarks)
    assert "Optuna study 'empty' has no trials." in remarks
    assert "each study is taken for one, adam, sgd." in remarks


def test_names_of_optimizers_elsewhere(tmp_path):
    path = tmp_path / "study.log"
    study = optuna.create_study(study_name="x", storage=journal(path))
    for optimizer in ("Adam", "torch.optim.SGD"):
        add(study, optimizer, 0.1, optimizer_name=optimizer)
    (comparison,) = read_comparisons(path)
    assert [one.rule for one in comparison.contestants] == [RULES["sgd"], RULES["adam"]]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("is_parameter", [True, False])
def test_data_sets_are_comparisons_of_their_own(tmp_path, is_parameter):
    def run(trial):
        data = ("mnist", "cifar10")[trial.number % 2]
        if is_parameter:
            data = trial.suggest_categorical("dataset", ["mnist", "cifar10"])
        else:
            trial.set_user_attr("dataset", data)
        trial.suggest_categorical("optimizer", ["adam", "sgd"])
        trial.suggest_float("lr", 0.1, 1)
        trial.suggest_categorical("model", ["cnn", "mlp"])
        return {"mnist": 0.1, "cifar10": 0.5}[data]

    study = optuna.create_study(
        study_name="vision",
        storage=f"sqlite:///{tmp_path}/vision.db",
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    study.optimize(run, n_trials=24)
    found = {one.workload: one for one in read_comparisons(tmp_path / "vision.db")}
    assert found.keys() == {"vision, mnist", "vision, cifar10"}
    for name, error in (("vision, mnist", 0.1), ("vision, cifar10", 0.5)):
        for one in found[name].contestants:
            assert set(one.trials["validation_metric"]) == {error}
            assert set(one.dimensions) == {"alpha0" if one.name == "adam" else "eta0"}


def test_choices_of_lists_and_trials_without_an_optimizer(tmp_path):
    """Such as a trial that was added by hand, and one that still waits."""
    path = tmp_path / "study.log"
    study = optuna.create_study(study_name="x", storage=journal(path))
    choice = optuna.distributions.CategoricalDistribution
    for optimizer, betas in (("adam", (0.9, 0.99)), ("adam", (0.8, 0.9)), ("sgd", None)):
        study.add_trial(
            optuna.create_trial(
                value=0.1,
                params={"optimizer": optimizer, "betas": betas},
                distributions={
                    "optimizer": choice(("adam", "sgd")),
                    "betas": choice(((0.9, 0.99), (0.8, 0.9), None)),
                },
            )
        )
    study.add_trial(optuna.create_trial(value=0.1))
    study.enqueue_trial({})
    (comparison,) = read_comparisons(path)
    assert [one.num_feasible for one in comparison.contestants] == [1, 2]
    assert comparison.not_read == ("betas",)
    remarks = " ".join(comparison.remarks)
    assert "Left out: 1 waiting." in remarks
    assert "Trials left out, since they have no optimizer: 1." in remarks
    assert "differ in what is no number: betas." in remarks


def test_several_objectives_are_refused_in_one_line(tmp_path):
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.optimize(lambda trial: (1, 2), n_trials=2)
    path = tmp_path / "two.csv"
    study.trials_dataframe().to_csv(path)
    with pytest.raises(StudyError, match=r"^.*two\.csv: there is no study.*has 2 objectives.*$"):
        read_comparisons(path)


def test_optimizers_without_a_name_are_refused_in_one_line(tmp_path):
    path = tmp_path / "nameless.log"
    add(optuna.create_study(storage=journal(path)), "", 0.1)
    with pytest.raises(StudyError, match="does not say which optimizer a trial used: tune a par"):
        read_comparisons(path)


def test_a_damaged_journal_names_the_line(write):
    first = json.dumps({"op_code": 0, "study_name": "x", "directions": [1]})
    path = write(f"{first}\nnothing\n{first}\n", "journal.log")
    with pytest.raises(StudyError, match=r"journal\.log, line 2: must be JSON"):
        read_comparisons(path)
    path = write(f'{first}\n{{"op_code": 5, "trial_id": 3}}\n', "journal.log")
    with pytest.raises(StudyError, match=r"journal\.log is not a file of Optuna's: it refers to"):
        read_comparisons(path)


def test_a_field_that_is_missing_is_named(write):
    path = write('{"op_code": 0, "directions": [1]}\n', "journal.log")
    with pytest.raises(StudyError, match=r"journal\.log .* it lacks the field 'study_name'$"):
        read_comparisons(path)


def test_no_value_of_zero_lies_in_a_logarithmic_range():
    """The room for rounding was that of the upper end, at both."""
    searched = {"name": "FloatDistribution", "attributes": {"low": 1e-12, "high": 1.0, "log": True}}
    assert [is_outside(value, searched) for value in (0.0, 1e-12, 1e-12 * (1 - 1e-7))] == [
        True,
        False,
        False,
    ]
    assert [is_outside(value, searched) for value in (0.99e-12, 1.0, 1.01)] == [True, False, True]


def test_a_value_outside_its_range_is_said_and_claims_none(tmp_path):
    """`enqueue_trial` takes any value; the audit then claimed a range that was left."""
    study = optuna.create_study(study_name="adam", storage=journal(tmp_path / "study.log"))
    for rate in (5.0, 1e-4, 0.1):
        study.enqueue_trial({"lr": rate, "momentum": 0.9})

    def of(trial):
        trial.suggest_float("momentum", 0.5, 0.99)
        return trial.suggest_float("lr", 1e-4, 0.1, log=True)

    with warnings.catch_warnings(action="ignore"):
        study.optimize(of, n_trials=6)
    (comparison,) = read_comparisons(tmp_path / "study.log")
    assert "adam: 1 value lies outside the range of lr on record" in " ".join(comparison.remarks)
    (adam,) = comparison.contestants
    assert set(adam.dimensions) == {"one_minus_gamma"} and len(adam.trials) == 6


def test_alpha_means_the_same_in_a_storage_and_in_its_csv(tmp_path):
    """The CSV has its columns by name: there, `alpha` came first and was the rate."""

    def of(trial):
        optimizer = trial.suggest_categorical("optimizer", ["rmsprop", "sgd"])
        rate = trial.suggest_float("lr", 1e-4, 1.0, log=True)
        return rate + trial.suggest_float("alpha", 0.5, 0.9) + len(optimizer)

    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=journal(tmp_path / "a.log"), sampler=sampler)
    study.optimize(of, n_trials=12)
    study.trials_dataframe().to_csv(tmp_path / "a.csv", index=False)
    for file in ("a.log", "a.csv"):
        (comparison,) = read_comparisons(tmp_path / file)
        sgd, rmsprop = comparison.contestants
        assert set(sgd.searched_names) == {"eta0", "alpha_setting"}
        assert set(rmsprop.searched_names) == {rmsprop.rule.rate, "one_minus_rho"}


def test_ranges_that_changed_are_none(tmp_path):
    path = tmp_path / "study.log"
    study = optuna.create_study(study_name="adam", storage=journal(path))
    floats = optuna.distributions.FloatDistribution
    for high in (0.1, 1.0):
        study.add_trial(
            optuna.create_trial(
                value=0.1, params={"lr": 0.01}, distributions={"lr": floats(1e-4, high)}
            )
        )
    (comparison,) = read_comparisons(path)
    assert "adam: the range of lr changed between trials" in " ".join(comparison.remarks)


def clean(directory, seed):
    """A comparison of equals without a fault: momentum adds nothing, and nothing is at an edge."""
    rng = np.random.default_rng(seed)
    path = directory / f"{seed}.log"
    study = optuna.create_study(study_name="clean", storage=journal(path))
    floats = optuna.distributions.FloatDistribution
    for trial in range(80):
        optimizer = ("sgd", "momentum")[trial % 2]
        away = rng.uniform(-2, 2)  # decades from the best rate
        error = 0.1 + 0.02 * away**2 + rng.normal(0, 0.005)
        own = {f"{optimizer}_lr": 10 ** (away - 1 - trial % 2)}
        spaces = {
            f"{optimizer}_lr": floats(10 ** (-3.0 - trial % 2), 10 ** (1.0 - trial % 2), log=True)
        }
        if optimizer == "momentum":
            own["momentum"] = rng.uniform(0, 0.999)
            spaces["momentum"] = floats(0.0, 0.999)
        choice = optuna.distributions.CategoricalDistribution(("sgd", "momentum"))
        study.add_trial(
            optuna.create_trial(
                value=error,
                params={"optimizer": optimizer, **own},
                distributions={"optimizer": choice, **spaces},
                user_attrs={"seed": trial, "test_error": error + rng.normal(0, 0.005)},
            )
        )
    return path


@pytest.mark.slow
def test_clean_comparisons_raise_no_alarm(tmp_path):
    found = [
        title for seed in range(20) for title in false_alarms(clean(tmp_path, seed), "inconclusive")
    ]
    assert not found  # recorded: 1 of 400, an edge
