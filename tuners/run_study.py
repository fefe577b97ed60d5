"""A study: trials of one signature, on one worker or several, until N of them are feasible.

The study directory (`tfoptcmp.study`) is the only record. A run reads it, asks the oracle which
trial comes next, and writes each trial as it goes; if a run is interrupted at any instant, the next
one resumes it. Finished trials are the indices 0..M-1 with exactly N feasible among them, no matter
how often the study was stopped and with which N it began.

The loop drives the oracle itself, where a `keras_tuner.Tuner` would: the tuner's `search` swallows
exceptions, prints, keeps state in its own files, and turns into a gRPC server if environment
variables say so; a study would have to undo all of it. Claiming and recording a trial are separate
calls, so that several workers can share an oracle. Only this process writes: workers send what they
measure (`tfoptcmp.tuners.executors`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_tuner.engine.trial import Trial as Claim
from keras_tuner.engine.trial import TrialStatus
from tfoptcmp.tuners.executors import Crashes, Executor
from tfoptcmp.tuners.observers import Counts, Observer
from tfoptcmp.tuners.study_oracle import StudyOracle

from tfoptcmp.signatures import Signature
from tfoptcmp.study.attempt import Attempt
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.read import Study, read_study
from tfoptcmp.study.schema import (
    GRID,
    Measurement,
    Status,
    StudyConfig,
    StudyFailed,
    Trial,
    trial_directory,
)
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.study.write import StudyWriter, open_study

_EARLY_STEPS = 5  # of divergence, which a lower rate would at least delay

# So many trials, the first, all of which diverged by this step: more would be no better.
_HOPELESS_TRIALS, _HOPELESS_STEP = 30, 2


def run_study(
    *,
    directory: Path,
    config: StudyConfig,
    signature: Signature,
    executor: Executor,
    clock: Clock,
    observers: Sequence[Observer] = (),
    max_retries: int = 1,
    accept_version_changes: bool = False,
) -> Study:
    """Runs or resumes a study, to its end.

    Args:
        directory: Of this study; created if missing.
        config: What is studied, for the record and for the comparison with an earlier run.
        signature: The one that `config` records.
        executor: Runs the trials. With several workers trials end in a different order; which
            trials there are, and what each measures, stays the same.
        clock: For the record of when and how long trials ran.
        observers: Told of every trial, in this order.
        max_retries: How often a trial that crashed is tried again in this run, >= 0.
        accept_version_changes: As in `open_study`.

    Returns:
        The study, with N feasible trials or the whole grid.

    Raises:
        StudyError: If the directory cannot be used as requested.
        StudyFailed: If a trial crashes too often, if `config.max_trials` are done before N are
            feasible, or if none is and each of the first 30 diverged by step 2. Finished trials
            stay recorded.
        KeyboardInterrupt: Says how to resume; `Interrupted` if the trials could stop cleanly.
    """
    if signature.to_json() != config.signature:
        raise ValueError(f"signature must be {config.signature!r}; got {signature.to_json()!r}")
    if max_retries < 0:
        raise ValueError(f"max_retries must be >= 0; got {max_retries!r}")
    with open_study(directory, config, accept_version_changes=accept_version_changes) as writer:
        trials = read_study(directory).trials
        oracle = StudyOracle(config=config, space=signature.space, trials=trials)
        run = _Run(writer, signature, executor, clock, observers, max_retries, trials)
        counts = _count(trials, Counts(left=config.num_feasible, maximize=config.metric.maximize))
        for observer in observers:
            observer.on_study_begin(counts)
        try:
            counts = run.to_the_end(oracle, counts)
        except StudyFailed:
            executor.drop()
            raise
    study = read_study(directory)
    if counts.left and config.search != GRID:
        raise StudyFailed(
            f"{directory}: {counts.feasible + counts.infeasible} trials, the most that "
            f"max_trials={config.max_trials} allows, gave {counts.feasible} feasible ones instead "
            f"of num_feasible={config.num_feasible}; {_advice(study.trials)}"
        )
    return study


def _advice(trials: Sequence[Trial]) -> str:
    last = 1 + max(trial.steps for trial in trials)
    if last > _EARLY_STEPS or any(trial.status == Status.COMPLETE for trial in trials):
        return "raise max_trials or narrow the search space"
    return (
        f"every trial diverged by step {last}, which is probably not the search space's fault: "
        "look at the optimizer and the data"
    )


def _count(trials: Iterable[Trial], counts: Counts) -> Counts:
    for trial in trials:
        counts = counts.after(trial)
    return counts


class _Run:
    """One run of a study: hands trials to the executor and records how they end."""

    def __init__(
        self,
        writer: StudyWriter,
        signature: Signature,
        executor: Executor,
        clock: Clock,
        observers: Sequence[Observer],
        max_retries: int,
        trials: Iterable[Trial],
    ) -> None:
        self._writer = writer
        self._signature = signature
        self._executor = executor
        self._clock = clock
        self._observers = observers
        self._attempts: dict[int, Attempt] = {}  # those that run, by the index of the trial
        self._crashes = Crashes(max_retries)
        self._diverged = {one.index: one for one in trials if one.status == Status.INFEASIBLE}

    def to_the_end(self, oracle: StudyOracle, counts: Counts) -> Counts:
        """Runs trials until none is left to run; returns how many there are then."""
        claims: dict[int, tuple[str, Claim]] = {}  # worker and claim, by the index of the trial
        free = [str(worker) for worker in range(self._executor.num_workers)]
        try:
            while True:
                self._check_hope(counts)
                while free and (claim := self._claim(oracle, free[-1])):
                    claims[int(claim.trial_id)] = free.pop(), claim
                    self._begin(self._task(claim))
                if not claims:
                    return counts
                task, outcome = self._executor.wait(self._on_measurement)
                trial = self._attempts.pop(task.index).end(outcome)
                counts = counts.after(trial)
                for observer in self._observers:
                    observer.on_trial_end(trial, counts)
                if trial.status == Status.FAILED:
                    where = f"trial {trial.index} in {self._writer.directory}"
                    self._crashes.count(trial.index, where, trial.message)
                    self._begin(task)
                else:
                    if trial.status == Status.INFEASIBLE:
                        self._diverged[trial.index] = trial
                    worker, claim = claims.pop(task.index)
                    oracle.record(claim, trial)
                    free.append(worker)
        except KeyboardInterrupt as interrupt:
            running = ", ".join(str(index) for index in sorted(claims))
            raise type(interrupt)(
                f"interrupted in trial {running}; finished trials are kept, and the same command "
                "resumes"
            ) from interrupt
        finally:
            for attempt in self._attempts.values():
                attempt.close()

    def _check_hope(self, counts: Counts) -> None:
        """Raises StudyFailed if no trial of the sequence is likely to be feasible.

        It is always the first trials that tell, in whatever order several workers end them. A grid
        is run to its end: its trials are all that were asked for.
        """
        config, num = self._writer.config, _HOPELESS_TRIALS
        diverged = [self._diverged[index] for index in range(num) if index in self._diverged]
        if (
            config.search == GRID
            or counts.feasible
            or len(diverged) < num
            or 1 + max(trial.steps for trial in diverged) > _HOPELESS_STEP
        ):
            return
        raise StudyFailed(
            f"{self._writer.directory}: {len(self._diverged)} trials, of at most max_trials="
            f"{config.max_trials}, gave no feasible one; {_advice(diverged)}. Remove the directory "
            "to begin anew"
        )

    def _claim(self, oracle: StudyOracle, worker: str) -> Claim | None:
        """The next trial; None if there is none, or if it is not yet known whether there is one."""
        claim = oracle.create_trial(worker)
        return claim if claim.status == TrialStatus.RUNNING else None

    def _task(self, claim: Claim) -> TrialTask:
        config, index = self._writer.config, int(claim.trial_id)
        values = claim.hyperparameters.values
        return TrialTask(
            index=index,
            values=values,
            arguments=self._signature.space.derive(values, budget_steps=config.budget["steps"]),
            seeds=trial_seeds(config.seed, index),
            directory=trial_directory(self._writer.directory, index),
        )

    def _begin(self, task: TrialTask) -> None:
        self._attempts[task.index] = Attempt(task, self._writer, self._clock)
        for observer in self._observers:
            observer.on_trial_begin(task)
        self._executor.submit(task)

    def _on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        self._attempts[task.index].write(measurement)
        for observer in self._observers:
            observer.on_measurement(task, measurement)
