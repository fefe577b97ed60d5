"""The oracle of a study: what to run next, derived from the study's records and stored nowhere.

The rule for exactly N feasible trials is `QuasiRandomOracle`'s; several workers may ask in turn.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial as Claim
from keras_tuner.engine.trial import TrialStatus
from tfoptcmp.tuners.keras_tuner_space import declare
from tfoptcmp.tuners.oracle import QuasiRandomOracle
from tfoptcmp.tuners.searches import grid_size, point_of

from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study.schema import GRID, Status, StudyConfig, Trial

# All that keras-tuner has to know about a trial: the study's own criterion of feasibility.
_OBJECTIVE = keras_tuner.Objective("train_loss", direction="min")

_ENDS = MappingProxyType(
    {Status.COMPLETE: TrialStatus.COMPLETED, Status.INFEASIBLE: TrialStatus.FAILED}
)


class StudyOracle(QuasiRandomOracle):
    """Hands out the trials of a study, by index, each finished one exactly once.

    Trials that were begun but did not end (RUNNING, FAILED, or missing) come first again, in the
    order of their indices. Unlike its parent it saves nothing, its cost per trial does not grow,
    and `create_trial` neither sleeps nor warns: waiting and reporting are up to the caller.

    Args:
        config: The study's.
        space: The search space; its own values are handed out, not keras-tuner's, which differ
            from them in the last bit.
        trials: As recorded so far, in any order.
    """

    def __init__(
        self, *, config: StudyConfig, space: SearchSpace, trials: Iterable[Trial] = ()
    ) -> None:
        # A grid ends with its last point, no matter how many of its trials are feasible.
        size = grid_size(space) if config.search == GRID else None
        super().__init__(
            objective=_OBJECTIVE,
            num_feasible=size or config.num_feasible,
            max_trials=size or config.max_trials,
            seed=config.seed,
            hyperparameters=declare(space),
            tune_new_entries=False,
            allow_new_entries=False,
            search="quasirandom",  # for the parent's points, which are not used
        )
        self.verbose = 0
        self._search_space = space
        self._search = config.search
        self._restore({trial.index: trial for trial in trials if trial.status in _ENDS})

    def _restore(self, ended: Mapping[int, Trial]) -> None:
        for index in range(max(ended, default=-1) + 1):
            if index in ended:
                hyperparameters, status = self.hyperparameters, _ENDS[ended[index].status]
            else:
                hyperparameters, status = self.get_space(), TrialStatus.INVALID
                hyperparameters.values = self.values_at(index)
            claim = Claim(hyperparameters, trial_id=f"{index:06d}", status=status)
            self.trials[claim.trial_id] = claim
            self.start_order.append(claim.trial_id)
            if index in ended:  # its values are not needed again
                self.end_order.append(claim.trial_id)
                self._num_complete += status == TrialStatus.COMPLETED
            else:
                self._retry_queue.insert(0, claim.trial_id)  # taken from its end

    def values_at(self, index: int) -> dict[str, Any]:
        """Returns the search space's own values at a point of the sequence."""
        point = point_of(self._search_space, self._search, index, seed=self.seed)
        return self._search_space.values(point)

    def create_trial(self, tuner_id: str) -> Claim:
        """Claims the next trial for a worker; its index is `int(claim.trial_id)`.

        Returns:
            A claim whose status is RUNNING; IDLE where all trials that may be needed are running;
            or STOPPED where N are feasible or the limit is reached.
        """
        return self._create_trial(tuner_id)

    def record(self, claim: Claim, trial: Trial) -> None:
        """Notes how a claimed trial ended: COMPLETE or INFEASIBLE."""
        if trial.status == Status.COMPLETE:
            assert trial.final is not None
            self.update_trial(claim.trial_id, {_OBJECTIVE.name: trial.final["train_loss"]})
        claim.status = _ENDS[trial.status]
        self.end_trial(claim)

    def save(self) -> None:
        """Does nothing: the study's own records are enough."""

    def _save_trial(self, trial: Claim) -> None:
        pass

    def _check_consecutive_failures(self) -> None:
        """Does nothing; keras-tuner's own would look through all trials."""
