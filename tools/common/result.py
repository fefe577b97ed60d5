"""What `tfoptcmp.compare` returns: an answer to look at, and the best trials to go on with."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import keras

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.forest import forest_figure
from tfoptcmp.analysis.report.answer import answer, how_sure
from tfoptcmp.analysis.report.files import write_report
from tfoptcmp.analysis.report.tables import best_cells, caption, format_rows, format_sentences
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.keras_code import keras_code
from tfoptcmp.metrics import Metric
from tfoptcmp.signatures import Signature
from tfoptcmp.study.read import read_study
from tfoptcmp.study.rounds import judged
from tfoptcmp.training.optimizer import build_optimizer


@dataclass(frozen=True, kw_only=True)
class Best:
    """The feasible trial of an optimizer with the best final validation metric.

    Attributes:
        trial: Its index.
        hyperparameters: As used: arguments of the optimizer, the schedule and the regularisation.
        validation: Final validation metric.
        test: Final test metric; None without a test set.
    """

    trial: int
    hyperparameters: Mapping[str, float]
    validation: float
    test: float | None
    _signature: Signature
    _metric: Metric

    def optimizer(self) -> keras.Optimizer:
        """Returns a new Keras optimizer with its schedule, for `compile`."""
        return build_optimizer(self._signature, self.hyperparameters)

    def code(self) -> str:
        """Returns Python code that defines the same optimizer."""
        return keras_code(self._signature, self.hyperparameters, f"trial {self.trial}")

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.hyperparameters.items())
        results = f"validation {self._metric.shown(self.validation)}"
        if self.test is not None:
            results += f", test {self._metric.shown(self.test)}"
        return f"trial {self.trial} of {self._signature.name}: {values} ({results})"


class Result:
    """Studies of several optimizers on one workload, as they are in a directory now.

    Args:
        directory: Of the studies.
        names: Of the optimizers.
    """

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self.directory = directory
        self._names = tuple(names)

    @cached_property
    def comparison(self) -> Comparison:
        """What the functions of `tfoptcmp.analysis` take."""
        (found,) = compare_studies([self._studies / name for name in self._names])
        return found

    @property
    def _studies(self) -> Path:
        """Parent of the studies that are judged: of a refinement those of its last round."""
        return judged(self.directory)

    @property
    def answer(self) -> str:
        """Which optimizer leads, in a sentence."""
        return answer(ranking(self.comparison))

    def best(self, optimizer: str) -> Best:
        """Returns the best trial of an optimizer.

        Raises:
            ValueError: If there is no such optimizer here, or none of its trials is feasible.
        """
        if optimizer not in self._names:
            raise ValueError(f"optimizer must be one of {list(self._names)}; got {optimizer!r}")
        one = self.comparison.named(optimizer)
        if one.winner is None:
            raise ValueError(f"no trial of {optimizer} is feasible")
        study = read_study(self._studies / optimizer)
        (trial,) = (trial for trial in study.trials if trial.index == one.winner["trial"])
        final = trial.final or {}
        validation, test = final.get("validation_metric"), final.get("test_metric")
        assert validation is not None, "the last step is measured"
        return Best(
            trial=trial.index,
            hyperparameters=dict(trial.arguments),
            validation=float(validation),
            test=None if test is None else float(test),
            _signature=study.signature,
            _metric=study.config.metric,
        )

    def report(self, output_dir: str | Path | None = None) -> Path:
        """Writes the HTML report with figures and tables, and returns where the page is.

        Args:
            output_dir: By default the directory of the studies with "-report" after it.
        """
        beside = self.directory.with_name(f"{self.directory.name}-report")
        directory = beside if output_dir is None else Path(output_dir)
        comparisons = [self.comparison]
        return write_report(comparisons, directory, findings=audit(comparisons)).html

    def __repr__(self) -> str:
        """The answer and the table."""
        found = self.comparison
        said = [self.answer, *found.warnings, *how_sure(found, ranking(found))]
        lines = [said[0], *format_sentences(said[1:]), "", format_rows(best_cells(found)).rstrip()]
        return "\n".join([*lines, "", caption(found)])

    def _repr_html_(self) -> str:
        """The answer, the table and the differences, for notebooks."""
        found = self.comparison
        heading, *rows = best_cells(found)
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        said = [*found.warnings, *how_sure(found, ranking(found))]
        return (
            f"<p><b>{escape(self.answer)}</b></p>"
            + "".join(f"<p>{escape(sentence)}</p>" for sentence in said)
            + f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
            + f"<p><small>{escape(caption(found))}</small></p>"
            + self._forest()
        )

    def _forest(self) -> str:
        """The forest plot as an image; nothing without two optimizers that have enough trials."""
        if self.comparison.too_few or len(self._names) < 2:
            return ""
        picture = io.BytesIO()
        forest_figure(self.comparison).savefig(picture, format="png", dpi=110)
        data = base64.b64encode(picture.getvalue()).decode("ascii")
        return f'<img alt="Differences of optimizers" src="data:image/png;base64,{data}">'
