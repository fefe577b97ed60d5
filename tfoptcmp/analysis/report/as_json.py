"""Everything that a report says, as JSON; `docs/files.md` describes the fields.

Numbers that are infinite or missing are null. Metrics are in their own unit: shares, not percent.
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

from tfoptcmp.analysis.audit.findings import Finding, findings_on, worst_first
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.ranges.boundary import check_boundaries
from tfoptcmp.analysis.ranges.containment import containments
from tfoptcmp.analysis.report.across import across_json
from tfoptcmp.analysis.report.answer import answer, how_sure, trust
from tfoptcmp.analysis.report.best import best_trials, choose_now
from tfoptcmp.analysis.report.imitation import containment_json
from tfoptcmp.analysis.report.importance import importance_json
from tfoptcmp.analysis.report.lineage import lineage_json
from tfoptcmp.analysis.report.restrictions import restrictions_json
from tfoptcmp.analysis.report.tables import best_rows
from tfoptcmp.analysis.statistics.across import across
from tfoptcmp.analysis.statistics.quantities import statistics_of
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import Judgement, all_pairs, inclusion_verdicts

SCHEMA_VERSION = 1


def as_json(comparisons: Sequence[Comparison], findings: Sequence[Finding]) -> str:
    """Returns a report as JSON text.

    Args:
        comparisons: What it is on.
        findings: What the audit found.
    """
    report = {
        "schema_version": SCHEMA_VERSION,
        "comparisons": [_comparison(one, findings) for one in comparisons],
        "across": across_json(across(comparisons)),
        "findings": [dataclasses.asdict(finding) for finding in worst_first(findings)],
    }
    return json.dumps(_plain(report), indent=1, allow_nan=False)


def _comparison(comparison: Comparison, findings: Sequence[Finding]) -> dict[str, Any]:
    verdicts, ranked = inclusion_verdicts(comparison), ranking(comparison)
    codes = {best.optimizer: best.code or None for best in best_trials(comparison)}
    importance = importance_json(comparison)
    return {
        "workload": comparison.workload,
        "metric": comparison.metric.name,
        "metric_unit": comparison.metric.unit,
        "maximize": comparison.metric.maximize,
        "scale": comparison.scale,
        "budget": dict(comparison.budget),
        "tuning_budget": comparison.tuning_budget,
        "num_trials": comparison.num_trials,
        "answer": answer(ranked),
        "how_sure": how_sure(comparison, ranked),
        "choose_now": choose_now(comparison, ranked),
        "trust": trust(comparison, verdicts, findings_on(findings, comparison.workload)),
        "warnings": comparison.warnings,
        "notes": comparison.notes,
        "statistic": ranked.statistic,
        "ranking": [
            {
                "optimizer": place.contestant.name,
                "mean": ranked.metric.value(place.mean),
                "behind": place.behind,
                "low": place.low,
                "high": place.high,
                "among_the_best": place.among_the_best,
            }
            for place in ranked.places
        ],
        "pairs": [
            _pair(judgement)
            for statistic in statistics_of(comparison)
            for judgement in all_pairs(comparison, statistic)
        ],
        "inclusions": [
            {
                "special": special.name,
                "general": general.name,
                "verdict": verdicts.worst(special, general),
            }
            for special, general in verdicts.pairs
        ],
        "untested": [
            {"special": one.special.name, "general": one.general.name, "reason": one.reason}
            for one in verdicts.untested
        ],
        "restrictions": restrictions_json(comparison),
        "expected_false_violated": verdicts.expected_false_alarms,
        "optimizers": [
            row
            | {
                "best_used": one.values_of(one.winner, used=True),
                "best_code": codes.get(one.name),
                "importance": importance.get(one.name),
            }
            | lineage_json(comparison, one)
            for one, row in zip(comparison.contestants, best_rows(comparison), strict=True)
        ],
        "boundaries": [
            {
                "optimizer": one.name,
                "hyperparameter": check.name,
                "verdict": check.verdict,
            }
            for one in comparison.contestants
            for check in check_boundaries(one)
        ],
        "containments": containment_json(containments(comparison)),
    }


def _pair(j: Judgement) -> dict[str, Any]:
    return {
        "a": j.special.name,
        "b": j.general.name,
        "statistic": j.statistic,
        "primary": j.primary,
        "inclusion": j.inclusion,
        "difference": j.difference,
        "low": j.low,
        "high": j.high,
        "margin": j.delta,
        "verdict": j.verdict,
        "survives": j.survives,
        "probability_b_better": j.superiority,
        "num_trials": j.num_trials,
        "tuning_budget": j.tuning_budget,
        "trials_needed": j.trials_needed,
    }


def _plain(value: Any) -> Any:
    """Replaces what JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
