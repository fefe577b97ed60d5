"""How each claim is decided; these rules are our own choice, the claims are the paper's."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

from tfoptcmp.tools.reproduction.evidence import (
    NOT_RUN,
    Answer,
    Panels,
    all_tuned,
    change_of,
    mean_results,
    mean_steps,
    mean_values,
    of,
    told,
    versus,
    with_space,
    yes,
)

from tfoptcmp.analysis.ranges.boundary import Edge, check_boundaries
from tfoptcmp.analysis.statistics.quantities import best_of_k, steps_of_best
from tfoptcmp.analysis.statistics.verdicts import Verdict, inclusion_verdicts

# "Hardly matters", "equal": none is clearly ahead, or only by at most this, in percentage points of
# error or hundredths of a nat.
_HARDLY = 0.01
# "Orders of magnitude above": two of them.
_ORDERS_ABOVE = 100.0
_ORDERS_SPANNED = 10.0
# A number of steps within a quarter of the paper's counts as the same.
_NEAR = 0.25


def inclusions(*statistics: str) -> Callable[[Panels], Answer]:
    """Counts the verdicts: agrees if none is violated and all are decided."""

    def check(panels: Panels) -> Answer:
        judged = [
            judgement
            for _, comparison in panels
            for judgement in inclusion_verdicts(comparison).judgements
            if judgement.statistic in statistics
        ]
        if not judged:
            return Answer(ours="no pair to test, or no target", agrees="cannot tell")
        counts = {v: sum(j.verdict is v for j in judged) for v in Verdict}
        ours = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        if counts[Verdict.VIOLATED]:
            return Answer(ours=f"{len(judged)} tests: {ours}", agrees="no")
        agrees = "yes" if all(j.verdict.decided for j in judged) else "cannot tell"
        return Answer(ours=f"{len(judged)} tests: {ours}", agrees=agrees)

    return check


def hardly_matters(panels: Panels) -> Answer:
    """Whether ResNet-32's mean results are close together, or differ only by chance."""
    return _spread(of(panels, "cifar10_resnet32"))


def _spread(panels: Panels) -> Answer:
    """Whether the optimizers' mean results are close together, or differ only by chance."""
    if not panels:
        return NOT_RUN
    said, close = [], []
    for panel, comparison in panels:
        known = mean_results(comparison)
        if len(known) < 2:
            return Answer(ours="too few results", agrees="cannot tell")
        best, *_, worst = sorted(known, key=known.__getitem__)
        gap = versus(comparison, worst, best)
        assert gap is not None, "both have results"
        close.append(gap.difference <= _HARDLY or gap.low <= 0)
        said.append(f"{panel.protocol}: {worst} minus {best} {told(gap)}")
    return Answer(ours="; ".join(said), agrees=yes(all(close), panels))


def clear_order(panels: Panels) -> Answer:
    """Whether SGD, the rules with momentum and the adaptive rules clearly differ."""
    groups = (("sgd",), ("momentum", "nesterov"), ("rmsprop", "adam", "nadam"))
    found = of(panels, "lm1b_transformer")
    if not found:
        return NOT_RUN
    known = mean_results(found[0][1])
    present = [[name for name in group if name in known] for group in groups]
    if not all(present):
        return NOT_RUN
    best = [min(group, key=known.__getitem__) for group in present]
    return _order(found[:1], [(general, special) for special, general in pairwise(best)])


def no_clear_winner(panels: Panels) -> Answer:
    """Whether no one of RMSProp, Adam and NAdam is clearly ahead of another."""
    adaptive = ("rmsprop", "adam", "nadam")
    said, clear = [], []
    for panel, comparison in panels:
        known = [name for name in mean_results(comparison) if name in adaptive]
        for first, second in combinations(known, 2):
            gap = versus(comparison, second, first)
            assert gap is not None, "both have results"
            said.append(f"{panel.workload}: {second} minus {first} {told(gap)}")
            clear.append(gap.high < 0 or gap.low > 0)
    if not said:
        return NOT_RUN
    return Answer(ours="; ".join(said), agrees=yes(not any(clear), panels))


def better_than_rmsprop(panels: Panels) -> Answer:
    """Whether Adam and NAdam are ahead of RMSProp wherever the trials can tell."""
    said, clear = [], []
    for panel, comparison in panels:
        for name in ("adam", "nadam"):
            gap = versus(comparison, name, "rmsprop")
            if gap is not None:
                said.append(f"{panel.workload}: {name} minus rmsprop {told(gap)}")
                clear += [gap] if gap.high < 0 or gap.low > 0 else []
    if not said:
        return NOT_RUN
    if not clear:
        return Answer(ours="; ".join(said), agrees="cannot tell")
    return Answer(ours="; ".join(said), agrees=yes(all(gap.high < 0 for gap in clear), panels))


def adaptive_fastest(panels: Panels) -> Answer:
    """Whether the faster of Adam and NAdam is ahead of all others on most workloads.

    What does not reach the target counts as if it took all steps.
    """
    said, ahead, behind = [], 0, 0
    for panel, comparison in panels:
        steps = mean_steps(comparison)
        known = mean_values(comparison, "steps_to_target")
        ours = [name for name in ("adam", "nadam") if name in known]
        others = [name for name in known if name not in ours]
        if not steps or not ours or not others:
            continue
        first, second = (min(some, key=known.__getitem__) for some in (ours, others))
        gap = versus(comparison, first, second, "steps_to_target")
        assert gap is not None, "both have steps"
        ahead += gap.high < 0
        behind += gap.low > 0
        said.append(
            f"{panel.workload} {panel.steps_share:g}: {first} minus {second} {told(gap)} steps"
            + "".join(f", {name} never got there" for name in (first, second) if name not in steps)
        )
    if not said:
        return Answer(ours="no target, or not reached", agrees="cannot tell")
    if max(ahead, behind) <= len(said) / 2:
        return Answer(ours="; ".join(said), agrees="cannot tell")
    return Answer(ours="; ".join(said), agrees=yes(ahead > behind, panels))


def lm1b_steps(panels: Panels) -> Answer:
    """Adam's steps over Momentum's, to the target; the paper has 60 %."""
    found = of(panels, "lm1b_transformer")
    if not found:
        return NOT_RUN
    steps = mean_steps(found[0][1])
    if not {"adam", "momentum"} <= steps.keys():
        return Answer(ours="one of them did not reach the target", agrees="cannot tell")
    return _share_of_steps(steps["adam"] / steps["momentum"], 0.6, found)


def lm1b_steps_to_sgd(panels: Panels) -> Answer:
    """Adam's steps over SGD's, to SGD's median final result; the paper has 25 %."""
    found = of(panels, "lm1b_transformer")
    if not found:
        return NOT_RUN
    comparison = found[0][1]
    named = {one.rule.name: one for one in comparison.contestants if one.rule is not None}
    if not {"adam", "sgd"} <= named.keys():
        return NOT_RUN
    end = best_of_k(named["sgd"], "validation", comparison.tuning_budget)
    if end is None:
        return Answer(ours="SGD has no result", agrees="cannot tell")
    steps = {}
    for name in ("adam", "sgd"):
        known = steps_of_best(named[name], end.percentile(50), comparison.tuning_budget)
        reached = None if known is None else known.finite()[0]
        if reached is None:
            return Answer(ours=f"{name} did not get there", agrees="cannot tell")
        steps[name] = reached.mean()
    return _share_of_steps(steps["adam"] / steps["sgd"], 0.25, found)


def _share_of_steps(ratio: float, paper: float, panels: Panels) -> Answer:
    near = abs(ratio - paper) <= _NEAR * paper
    return Answer(ours=f"{100 * ratio:.0f} %", agrees=yes(near, panels))


def epsilon_above_default(panels: Panels) -> Answer:
    """Whether most best epsilons are two orders of magnitude above the default."""
    found = _best_epsilons(panels)
    if not found:
        return NOT_RUN
    above = sum(epsilon >= _ORDERS_ABOVE * default for _, _, epsilon, default in found)
    ours = ", ".join(f"{title} {epsilon:.1e} ({name})" for name, title, epsilon, _ in found)
    return Answer(
        ours=f"{ours}: {above} of {len(found)} are {_ORDERS_ABOVE:g} times the default or more",
        agrees=yes(above > len(found) / 2, panels),
    )


def epsilon_spans(panels: Panels) -> Answer:
    """Whether the best epsilons of several workloads lie ten orders of magnitude apart.

    Those of more workloads could only lie further apart, so fewer orders say nothing.
    """
    found = _best_epsilons(panels)
    if len({workload for workload, *_ in found}) < 2:
        return NOT_RUN
    epsilons = [epsilon for _, _, epsilon, _ in found]
    decades = math.log10(max(epsilons) / min(epsilons))
    ours = f"{decades:.1f} orders"
    if decades < _ORDERS_SPANNED:
        return Answer(ours=ours, agrees="cannot tell")
    return Answer(ours=ours, agrees=yes(True, panels))


def _best_epsilons(panels: Panels) -> list[tuple[str, str, float, float]]:
    """Workload, optimizer, epsilon of its best trial, and the rule's default."""
    found = []
    for panel, comparison in panels:
        for one in comparison.contestants:
            damping = None if one.rule is None else one.rule.epsilon
            chosen = one.values_of(one.winner).get("epsilon")
            if damping is not None and chosen is not None:
                found.append((panel.workload, one.title, chosen, damping.default))
    return found


def inside(panels: Panels) -> Answer:
    """Whether the boundary check finds no crowded edge; it may be unable to decide."""
    checks = [
        check
        for _, comparison in panels
        for one in comparison.contestants
        for check in check_boundaries(one)
    ]
    crowded = [
        f"{check.contestant.title} {check.name} {check.verdict}"
        for check in checks
        if check.is_crowded
    ]
    inside = sum(check.verdict is Edge.INSIDE for check in checks)
    ours = f"{inside} of {len(checks)} dimensions inside" + "".join(f"; {c}" for c in crowded)
    if not crowded and inside < len(checks):
        return Answer(ours=ours, agrees="cannot tell")
    return Answer(ours=ours, agrees=yes(not crowded, panels))


def worse_on_a_grid(panels: Panels) -> Answer:
    """Whether SGD is clearly better than RMSProp and Adam where the rate alone is tuned."""
    first = with_space(panels, "wilson_lr_grid")
    return _order(first, [("sgd", "rmsprop"), ("sgd", "adam")])


def equal_when_tuned(panels: Panels) -> Answer:
    """Whether the mean results are close together under both of the protocols in between.

    No if they are not under one; yes only if both were run, with all rules.
    """
    wider = [with_space(panels, name) for name in ("wilson_momentum_epsilon", "lr_and_schedule")]
    found = [one for each in wider for one in each]
    answer = _spread(found)
    whole = all(wider) and all({*panel.optimizers} <= mean_results(c).keys() for panel, c in found)
    return answer if whole or answer.agrees != "yes" else replace(answer, agrees="cannot tell")


def tuning_improves(panels: Panels) -> Answer:
    """Whether every rule's mean result is better where everything is tuned.

    No if the interval of one says that it is worse; yes only if those of all rules say so.
    """
    narrow, wide = with_space(panels, "wilson_lr_grid"), all_tuned(panels)
    if not narrow or not wide:
        return NOT_RUN
    (panel, before), (_, after) = narrow[0], wide[0]
    found = {name: change_of(before, after, name) for name in panel.optimizers}
    gains = {name: gain for name, gain in found.items() if gain is not None}
    said = [f"{n} {after.metric.value_difference_with(*gain)}" for n, gain in gains.items()]
    said += [f"{name} not run in both" for name in found if name not in gains]
    budgets = f"from K = {before.tuning_budget} on the grid to K = {after.tuning_budget}"
    agrees = _decided([(low, high) for _, low, high in gains.values()], panels)
    return Answer(
        ours=", ".join([*said, budgets]),
        agrees="cannot tell" if agrees == "yes" and len(gains) < len(found) else agrees,
    )


def schneider(workload: str, order: Sequence[tuple[str, str]]) -> Callable[[Panels], Answer]:
    """Whether each first is clearly better than its second at a constant rate, all else fixed."""
    return lambda panels: _order(with_space(of(panels, workload), "schneider_lr"), order)


def inclusion_order(panels: Panels) -> Answer:
    """Whether Adam is clearly better than Momentum, and Momentum than SGD."""
    return _order(all_tuned(panels), [("adam", "momentum"), ("momentum", "sgd")])


def _order(panels: Panels, better_worse: Sequence[tuple[str, str]]) -> Answer:
    """Whether each first is better than its second: yes or no only if its interval says so."""
    said, gaps = [], []
    for panel, comparison in panels:
        for better, worse in better_worse:
            gap = versus(comparison, better, worse)
            if gap is not None:
                gaps.append(gap)
                said.append(f"{panel.workload}: {better} minus {worse} {told(gap)}")
    if not said:
        return NOT_RUN
    intervals = [(gap.low, gap.high) for gap in gaps]
    return Answer(ours="; ".join(said), agrees=_decided(intervals, panels))


def _decided(intervals: Sequence[tuple[float, float]], panels: Panels) -> str:
    """Returns "yes" if all intervals lie below 0, "no" if one lies above it."""
    if any(low > 0 for low, _ in intervals):
        return yes(False, panels)
    return yes(True, panels) if all(high < 0 for _, high in intervals) else "cannot tell"
