"""Claims of several workers, as executors will make them."""

import random

import pytest
from tfoptcmp.tuners.study_oracle import StudyOracle

from tfoptcmp.metrics import CLASSIFICATION_ERROR, TRAINING_LOSS
from tfoptcmp.spaces import LogUniform, SearchSpace
from tfoptcmp.study.schema import Status, StudyConfig, Trial

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)

SPACE = SearchSpace(source="test", dimensions={"eta0": LogUniform(low=1e-4, high=1.0)})


def config(num_feasible=5, max_trials=40):
    return StudyConfig(
        signature={"name": "sgd"},
        workload="none",
        metric=CLASSIFICATION_ERROR,
        loss=TRAINING_LOSS,
        budget={},
        num_examples={},
        partial="",
        seed=0,
        search="quasirandom",
        num_feasible=num_feasible,
        max_trials=max_trials,
        tuning_budget=2,
        threads_per_trial=1,
        versions={},
        provenance={},
    )


def ended(claim):
    feasible = claim.hyperparameters.values["eta0"] < 1e-2
    return Trial(
        index=int(claim.trial_id),
        status=Status.COMPLETE if feasible else Status.INFEASIBLE,
        values=claim.hyperparameters.values,
        arguments={},
        seeds={},
        started=0.0,
        final={"train_loss": 1.0},
    )


def run(oracle, num_workers, seed, stop_after=None):
    """Runs a study on workers that finish in a random order; returns the trials that ended."""
    order = random.Random(seed)
    trials = {}
    claims = {}
    while True:
        for worker in range(num_workers):
            if worker not in claims:
                claim = oracle.create_trial(str(worker))
                if claim.status == "RUNNING":
                    claims[worker] = claim
        if not claims or len(trials) == stop_after:
            return trials
        claim = claims.pop(order.choice(sorted(claims)))
        trial = ended(claim)
        assert trial.index not in trials
        trials[trial.index] = trial
        oracle.record(claim, trial)


@pytest.fixture(scope="module")
def expected():
    """The trials of one worker."""
    return run(StudyOracle(config=config(), space=SPACE), num_workers=1, seed=0)


def test_one_worker_stops_at_the_nth_feasible(expected):
    statuses = [expected[index].status for index in range(len(expected))]
    assert statuses.count(Status.COMPLETE) == 5 < len(statuses)
    assert statuses[-1] == Status.COMPLETE


@pytest.mark.parametrize("num_workers", [2, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_set_of_trials_does_not_depend_on_the_workers(num_workers, seed, expected):
    oracle = StudyOracle(config=config(), space=SPACE)
    assert run(oracle, num_workers, seed) == expected


@pytest.mark.parametrize("stop_after", [0, 1, 3, 6])
@pytest.mark.parametrize("num_workers", [1, 2, 4])
def test_restored_from_what_had_ended_it_goes_on_to_the_same_set(stop_after, num_workers, expected):
    begun = run(StudyOracle(config=config(), space=SPACE), 4, seed=1, stop_after=stop_after)
    oracle = StudyOracle(config=config(), space=SPACE, trials=reversed(list(begun.values())))
    rest = run(oracle, num_workers, seed=2)
    assert not set(begun) & set(rest)
    assert begun | rest == expected


def test_gaps_come_first_in_the_order_of_their_indices(expected):
    kept = [expected[index] for index in (0, 2, 5)]
    oracle = StudyOracle(config=config(), space=SPACE, trials=kept)
    assert [int(oracle.create_trial(w).trial_id) for w in "abc"] == [1, 3, 4]


def test_a_cap_that_is_reached_stops_without_a_warning_or_a_pause(recwarn):
    oracle = StudyOracle(config=config(num_feasible=2, max_trials=2), space=SPACE)
    trials = run(oracle, 3, seed=0)
    assert sorted(trials) == [0, 1]
    assert not [w for w in recwarn if w.category is RuntimeWarning]
