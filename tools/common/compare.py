"""`tfoptcmp.compare`: optimizers on a user's own model and data, from a notebook or a script."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.execution import Execution, settle
from tfoptcmp.tools.common.machine import machine, share_gpus
from tfoptcmp.tools.common.result import Result
from tfoptcmp.tools.common.run_comparison import run_comparison
from tfoptcmp.tools.common.run_studies import Studies
from tfoptcmp.workloads.own import SCALE, own_workload

from tfoptcmp.analysis.statistics.looks import make_plan, without_trials
from tfoptcmp.metrics import Metric
from tfoptcmp.rules import DEFAULT_RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.study.durable import synchronise
from tfoptcmp.study.rounds import (
    Plan,
    check,
    check_no_round,
    default_trials_per_round,
    most_feasible,
    read_plan,
)
from tfoptcmp.study.schema import StudyError, planned_max_trials
from tfoptcmp.training.check import check_problem
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, Loss, Measure


def compare(
    build_model: Callable[..., Any],
    *,
    train: Any,
    validation: Any,
    test: Any = None,
    loss: Loss = None,
    metric: str | Metric | None = None,
    measure: Measure = None,
    optimizers: Sequence[str | Signature] = DEFAULT_RULES,
    steps: int = 500,
    batch_size: int = 32,
    num_feasible: int = 20,
    max_feasible: int | None = None,
    refine: int = 1,
    directory: str | Path = "runs/mine",
    name: str = "",
    num_measurements: int = 10,
    target: float | None = None,
    class_weight: Mapping[int, float] | None = None,
    regularisation: tuple[str, ...] = (),
    space: str = "initial",
    tuning_budget: int | None = None,
    num_workers: int = 0,
    seed: int = 0,
) -> Result:
    """Compares optimizers, each tuned with the same number of trials.

    Trials run in processes of their own, on all processors. Interrupted, by Ctrl-C or "interrupt
    kernel", it leaves studies that the same call resumes; finished, the same call returns at once.
    The programs work with its directory, too.

    Args:
        build_model: Returns an uncompiled `keras.Model`.
        train: (x, y), (x, y, weights), a data set, or a function from (seed, step) to a batch;
            `tfoptcmp.workloads.own_workload` says more on this and on what else it takes.
        validation: What trials are selected by; or how many examples of `train` to hold out.
        test: What is reported, likewise; without it, validation is.
        loss: A Keras loss, its name or a function; by default the softmax cross entropy of class
            numbers and logits.
        metric: "error", "accuracy", "mse", "mae", "r2", "auc" and others, or your own `Metric`.
        measure: How your own metric is computed.
        optimizers: Names of rules, or signatures of your own.
        steps: Training steps of a trial.
        batch_size: Examples per step.
        num_feasible: N, feasible trials of each optimizer; with `refine`, in the last round.
        max_feasible: Trials are added until it is decided whether each optimizer does worse than
            those that it can imitate (of optimizers that cannot: which is better), at most so
            many of each; then `num_feasible` has no meaning.
        refine: Rounds, of which each narrows the search spaces for the next, and the last is
            judged; 1 for none, else perhaps 3.
        directory: Of the studies; made if needed.
        name: Of the workload, on tables and figures; by default the directory's name.
        num_measurements: How often a trial measures validation.
        target: Validation metric to reach, for the steps to target, as the metric has it: 0.2 for
            an error of 20 %.
        class_weight: Class number to the weight of its training examples.
        regularisation: Of ("l2", "label_smoothing"), those that your own signatures search.
        space: The search space: "initial", "default_epsilon", ...
        tuning_budget: K; by default N / 10, at least 2.
        num_workers: Trials at the same time; 0 for as many as the machine takes.
        seed: Of points, initial weights and the order of the data.

    Raises:
        ValueError: If something is out of range, data, model, loss and metric do not fit, or Keras
            runs on another backend than TensorFlow.
        StudyError: If the directory cannot be used, or holds studies of something else.
        KeyboardInterrupt: If it was interrupted.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras must run on TensorFlow here; got {keras.backend.backend()!r}: set "
            "KERAS_BACKEND=tensorflow before Keras is imported"
        )
    workload = own_workload(
        name or _identifier(Path(directory).resolve().name),
        build_model,
        train=train,
        validation=validation,
        test=test,
        loss=loss,
        metric=metric,
        measure=measure,
        steps=steps,
        batch_size=batch_size,
        num_feasible=num_feasible,
        num_measurements=num_measurements,
        target=target,
        class_weight=class_weight,
        regularisation=regularisation,
    )
    if isinstance(optimizers, str):
        raise ValueError(f"optimizers must be a list; got {optimizers!r}")
    signatures = [
        one if isinstance(one, Signature) else workload.signature(one, space=space)
        for one in optimizers
    ]
    for signature in signatures:
        signature.rule.optimizer_class()
    names = [signature.name for signature in signatures]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"optimizers must be different ones, at least one; got {names}")
    if num_workers < 0:
        raise ValueError(f"num_workers must be >= 0; got {num_workers!r}")
    budget = workload.budget(SCALE, num_feasible=max_feasible)
    if tuning_budget is not None and not 1 <= tuning_budget <= budget.num_feasible:
        raise ValueError(
            f"tuning_budget must be from 1 to {budget.num_feasible}, the trials of each optimizer; "
            f"got {tuning_budget!r}"
        )
    looks = None
    if max_feasible is not None:
        asked = without_trials(signatures, workload.metric)
        looks = make_plan(asked, max_feasible, tuning_budget)
        tuning_budget = looks.tuning_budget
    splits = workload.load(budget, None)
    share_gpus()  # with the workers
    check_problem(workload, budget, splits)
    execution, options, how = settle(
        Execution(num_workers=num_workers), Options(threads_per_trial=1), [workload], machine()
    )
    at_most = "at most " if looks else ""
    print(
        f"{workload.title}: {', '.join(names)}; {at_most}{budget.num_feasible} feasible trials "
        f"each{' in the last round' if refine > 1 else ''}, {how}"
    )
    synchronise(options.durable)
    parent = Path(directory)
    rounds = _rounds(parent, refine, budget.num_feasible)
    studies = Studies(
        study_dir=parent,
        workload=workload,
        splits=splits,
        signatures=signatures,
        seed=seed,
        search="quasirandom",
        max_trials=planned_max_trials(most_feasible(rounds, budget.num_feasible)),
        options=options,
        # This process's TensorFlow is the user's: its threads and seeds stay as they are.
        execution=replace(execution, apart=True),
        tuning_budget=tuning_budget,
    )

    def of_trials(num: int) -> Budget:
        return workload.budget(SCALE, num_feasible=num)

    try:
        if rounds:
            check(parent, rounds, names)
        else:
            check_no_round(parent)
        run_comparison(
            studies,
            of_trials,
            budget.num_feasible,
            rounds_plan=rounds,
            max_rounds=refine,
            looks_plan=looks,
        )
    except UserError as error:
        raise ValueError(str(error)) from error
    except StudyError as error:  # a program's flag
        raise StudyError(str(error).replace("--study_dir", "directory")) from error
    return Result(Path(directory), names)


def _rounds(directory: Path, num_rounds: int, num_feasible: int) -> Plan | None:
    if num_rounds < 1:
        raise ValueError(f"refine must be >= 1; got {num_rounds!r}")
    if num_rounds == 1:
        return None
    trials = default_trials_per_round(num_feasible, read_plan(directory))
    return Plan(num_rounds=num_rounds, trials_per_round=trials)


def _identifier(text: str) -> str:
    """A directory's name with underscores for what a workload's name may not have."""
    kept = "".join(c if c.isalnum() or c == "_" else "_" for c in text)
    return kept if kept.isidentifier() else f"_{kept}"
