"""A keras-tuner oracle that runs until N trials are *feasible*, on quasi-random points.

It works in any keras-tuner search, with your own hypermodel:

    tuner = keras_tuner.Tuner(
        oracle=QuasiRandomOracle(objective="val_loss", num_feasible=20, seed=0),
        hypermodel=build_model, directory="runs", project_name="mine",
    )
    tuner.search(x, y, validation_data=(x_val, y_val))

Such a search uses keras-tuner's own files, with their limits: they are not written atomically, and
cost more with every trial. Studies keep their own records (`tfoptcmp.tuners.run_study`).
"""

import json
import math
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src import backend
from tfoptcmp.tuners.keras_tuner_space import check_names, tuned_names, values
from tfoptcmp.tuners.points import SEARCHES

from tfoptcmp.conversion import check_integer
from tfoptcmp.study.schema import planned_max_trials

_ENDS = (TrialStatus.COMPLETED, TrialStatus.FAILED, TrialStatus.INVALID)

_IDLE_SECONDS = 0.1  # keras-tuner asks again at once, 12,000 times a second


class QuasiRandomOracle(keras_tuner.Oracle):
    """Runs trials until `num_feasible` of them end with a finite objective and training loss.

    How a trial can end:

    - *feasible*: it reported finite numbers (`is_feasible`);
    - *infeasible*: NaN or an infinity among them, or `keras_tuner.errors.FailedTrialError` was
      raised. Recorded as FAILED, never retried, not counted;
    - *crashed*: any other exception, which says nothing about the hyperparameters. Retried
      `max_retries_per_trial` times; then the search stops with the traceback. If the same search is
      started again, it resumes with that trial.

    Trial i uses point i of the sequence, i = int(trial_id). Its coordinates belong to names: first
    those of `hyperparameters` in the order of declaration, then those that the hypermodel asks for
    later; several new ones are in alphabetical order. A name keeps its coordinate when others are
    added. Which trials are run does not depend on the number of workers.

    A kill at any instant loses at most the trial that is running, which is run again: files are
    replaced as a whole on a local disk, and a trial whose end is recorded is never run again.

    A `History` reports the epoch with the best objective only: training that diverges later counts
    as feasible. Where that matters, return the last epoch's numbers from `HyperModel.fit`.

    Args:
        objective: As in `keras_tuner.Oracle`.
        num_feasible: N, feasible trials to reach, >= 1. A resumed search may raise it.
        max_trials: Limit on all trials, infeasible ones included, >= N; 10 N by default. A search
            that ends there warns.
        seed: Integer >= 0, 0 included; None draws one, or takes a resumed search's own.
        hyperparameters: As in `keras_tuner.Oracle`; copied.
        tune_new_entries: As in `keras_tuner.Oracle`.
        allow_new_entries: As in `keras_tuner.Oracle`.
        search: "quasirandom" or "random".
        max_retries_per_trial: How often a trial that crashed is tried again, >= 0.

    Raises:
        ValueError: If an argument is out of range, or the hypermodel or `hyperparameters` has one
            name under several conditions.
    """

    def __init__(
        self,
        objective: Any = None,
        num_feasible: int = 10,
        max_trials: int | None = None,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        *,
        search: str = "quasirandom",
        max_retries_per_trial: int = 0,
    ) -> None:
        check_integer("num_feasible", num_feasible, low=1)
        if max_trials is None:
            max_trials = planned_max_trials(num_feasible)
        check_integer("max_trials", max_trials, low=num_feasible)
        check_integer("max_retries_per_trial", max_retries_per_trial, low=0)
        if seed is not None:
            check_integer("seed", seed, low=0)
        if search not in SEARCHES:
            raise ValueError(f"search must be one of {sorted(SEARCHES)}; got {search!r}")
        if hyperparameters:
            check_names(hyperparameters)
        super().__init__(
            objective=objective,
            max_trials=_Cap(max_trials),
            hyperparameters=hyperparameters and hyperparameters.copy(),
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            seed=seed,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=None,  # infeasible trials in a row are no reason to stop
        )
        if seed is not None:
            self.seed = seed  # keras-tuner replaces 0
        self.num_feasible = num_feasible
        self.search = search
        self._seed_is_given = seed is not None
        self._declared = _entries(self.hyperparameters)
        self._coordinates = tuned_names(self.hyperparameters)
        self._num_complete = 0

    def is_feasible(self, trial: Trial) -> bool:
        """Says whether a trial that ended normally counts; override it for another criterion.

        Here: all values reported of the objective, and of the training loss if "loss" was
        reported, are finite. A diverged classifier often has a finite accuracy.
        """
        names = {*getattr(self.objective, "name_to_direction", [self.objective.name]), "loss"}
        return all(
            math.isfinite(value)
            for name in names
            if trial.metrics.exists(name)
            for observation in trial.metrics.get_history(name)
            for value in observation.value
        )

    def values_at(self, index: int) -> dict[str, Any]:
        """Returns the values of the active hyperparameters at a point of the sequence."""
        point = SEARCHES[self.search](index, num_dims=len(self._coordinates), seed=self.seed)
        return values(self.hyperparameters, dict(zip(self._coordinates, point, strict=True)))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Decides what a worker that asks for trial `trial_id` must do: run it, wait or stop."""
        if self._num_complete >= self.num_feasible:
            return {"status": TrialStatus.STOPPED}
        if self._num_complete + len(self.ongoing_trials) >= self.num_feasible:
            return {"status": TrialStatus.IDLE}  # if all of those are feasible, no more is needed
        self._coordinates += sorted({*tuned_names(self.hyperparameters)} - {*self._coordinates})
        return {"status": TrialStatus.RUNNING, "values": self.values_at(int(trial_id))}

    def create_trial(self, tuner_id: str) -> Trial:
        """Returns the next trial of a worker, or one whose status is IDLE or STOPPED."""
        self._resume()
        trial = self._create_trial(tuner_id)
        if trial.status == TrialStatus.IDLE:
            time.sleep(_IDLE_SECONDS)
        elif trial.status == TrialStatus.STOPPED and not self.ongoing_trials:
            self._warn_if_short()
        return trial

    def end_trial(self, trial: Trial | str, status: str = TrialStatus.COMPLETED) -> None:
        """Records the end of a trial.

        Args:
            trial: With its status; or its id, as keras-tuner took it formerly.
            status: Of the latter.

        Raises:
            RuntimeError: If it crashed and has no retries left.
            ValueError: If its status is not that of an end.
        """
        if isinstance(trial, str):
            trial = Trial(self.trials[trial].hyperparameters, trial, status)
        if trial.status not in _ENDS:
            raise ValueError(f"status must be one of {_ENDS}; got {trial.status!r}")
        if self._end_trial(trial):
            # Raised only here: keras-tuner does not release its lock when an exception passes it.
            raise RuntimeError(
                f"trial {trial.trial_id} crashed, with "
                f"max_retries_per_trial={self.max_retries_per_trial}; the same search started "
                f"again resumes with it\n{trial.message or ''}"
            )

    @keras_tuner.synchronized
    def _resume(self) -> None:
        """Reads oracle.json where keras-tuner does not: before the end of its first trial."""
        has_project = getattr(self, "_project_name", None) is not None
        if has_project and not self.trials and backend.io.exists(self._get_oracle_fname()):
            self.reload()

    @keras_tuner.synchronized
    def _create_trial(self, tuner_id: str) -> Trial:
        is_new = tuner_id not in self.ongoing_trials
        trial = super().create_trial(tuner_id)
        if is_new:  # perhaps a retry: its metrics would be averaged with those of the old run
            trial.metrics = type(trial.metrics)()
        return trial

    @keras_tuner.synchronized
    def _end_trial(self, trial: Trial) -> bool:
        """Returns whether the search has to stop because the trial crashed."""
        has_crashed = trial.status == TrialStatus.INVALID
        own = self.trials[trial.trial_id]
        if trial.status == TrialStatus.COMPLETED and not self.is_feasible(own):
            trial.status = TrialStatus.FAILED
            trial.message = "infeasible: the objective or the loss is not finite"
        super().end_trial(trial)
        if own.status == TrialStatus.COMPLETED:
            self._num_complete += 1
        return has_crashed and self._run_times[own.trial_id] > self.max_retries_per_trial

    def _retry(self, trial: Trial) -> bool:
        """Queues a trial that crashed, even after its last retry: a new search resumes with it."""
        has_crashed = trial.status == TrialStatus.INVALID
        if not super()._retry(trial) and has_crashed:
            trial.status = TrialStatus.INVALID
            self._retry_queue.append(trial.trial_id)
        return has_crashed

    def update_space(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Adds a hypermodel's new entries to the space.

        Raises:
            ValueError: If a name then stands under several conditions.
        """
        super().update_space(hyperparameters)
        check_names(self.hyperparameters)

    def save(self) -> None:
        """Replaces oracle.json."""
        _replace(self._get_oracle_fname(), super(keras_tuner.Oracle, self).save)

    def _save_trial(self, trial: Trial) -> None:
        _replace(f"{self._get_trial_dir(trial.trial_id)}/trial.json", trial.save)

    def _warn_if_short(self) -> None:
        if self._num_complete < self.num_feasible:
            warnings.warn(
                f"the search ended at max_trials={int(self.max_trials)} trials with "
                f"{self._num_complete} feasible ones instead of num_feasible={self.num_feasible}; "
                "raise max_trials or narrow the search space",
                RuntimeWarning,
                stacklevel=3,
            )

    def get_state(self) -> dict[str, Any]:
        """Returns what keras-tuner keeps in oracle.json."""
        state: dict[str, Any] = super().get_state()
        return state | {
            "num_feasible": self.num_feasible,
            "search": self.search,
            "declared": self._declared,
            "coordinates": self._coordinates,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Resumes from an oracle.json.

        Raises:
            ValueError: If it belongs to a search with other settings.
        """
        differences = []
        if self._seed_is_given and self.seed != state["seed"]:
            differences.append(f"seed must be {state['seed']}; got {self.seed}")
        if self.search != state["search"]:
            differences.append(f"search must be {state['search']!r}; got {self.search!r}")
        if self.num_feasible < state["num_feasible"]:
            differences.append(
                f"num_feasible must be >= {state['num_feasible']}; got {self.num_feasible}"
            )
        if self._declared != state["declared"]:
            differences.append(f"hyperparameters must be {state['declared']}; got {self._declared}")
        if differences:
            raise ValueError(
                "this project's search cannot be resumed with other settings: "
                + "; ".join(differences)
                + ". Use another project_name, or overwrite=True."
            )
        super().set_state(state)
        self._coordinates = state["coordinates"]
        self._queue_trials_without_end()
        ended = (self.trials[trial_id] for trial_id in self.end_order)
        self._num_complete = sum(trial.status == TrialStatus.COMPLETED for trial in ended)

    def _queue_trials_without_end(self) -> None:
        """Queues each trial that did not end, once.

        keras-tuner queues all that oracle.json calls ongoing. It writes that file while a trial
        that ended is still among them, and a trial's own file before it.
        """
        self.ongoing_trials.clear()
        self._retry_queue.clear()
        for trial_id in self.trials.keys() - self.start_order:
            del self.trials[trial_id]
        for trial_id, trial in sorted(self.trials.items()):
            if trial_id in self.end_order:
                continue
            if trial.status in (TrialStatus.COMPLETED, TrialStatus.FAILED):
                self.end_order.append(trial_id)
            else:
                self._retry_queue.insert(0, trial_id)  # taken from its end


def _replace(name: str, save: Callable[[str], object]) -> None:
    """Has a file written under another name, then renames it; object stores need no such care."""
    if "://" in name:
        save(name)
    else:
        save(f"{name}.tmp")
        os.replace(f"{name}.tmp", name)


class _Cap(int):
    """A number that prints with six digits: keras-tuner cuts its trial_id to the cap's width."""

    def __str__(self) -> str:
        return f"{int(self):06d}"


def _entries(hyperparameters: keras_tuner.HyperParameters) -> list[str]:
    """Entries as sorted text: their order does not matter, as coordinates belong to names."""
    return sorted(json.dumps(e, sort_keys=True) for e in hyperparameters.get_config()["space"])
