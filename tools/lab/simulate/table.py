"""What came of simulated studies, as a table for people."""

from collections.abc import Callable, Mapping, Sequence

from tfoptcmp.tools.lab.simulate.studies import Cell, power_of_threshold, standard_error

from tfoptcmp.analysis.statistics.verdicts import Verdict

_Scenarios = Mapping[str, Cell]

_COLUMNS: dict[str, Callable[[_Scenarios], float]] = {
    "covered": lambda cells: cells["equal"].coverage,
    "D < L": lambda cells: cells["equal"].above / cells["equal"].num_studies,
    "wrong": lambda cells: cells["equal"].share(Verdict.VIOLATED, Verdict.BETTER),
    "false": lambda cells: cells["at the margin"].share(Verdict.VIOLATED),
    "25 %": lambda cells: cells["25 % worse"].share(Verdict.VIOLATED),
    "50 %": lambda cells: cells["50 % worse"].share(Verdict.VIOLATED),
    "known": lambda cells: power_of_threshold(cells["at the margin"], cells["50 % worse"]),
    "better": lambda cells: cells["25 % better"].share(Verdict.BETTER),
    "decided": lambda cells: cells["50 % worse"].decided,
    "trials": lambda cells: cells["50 % worse"].mean_trials,
}

_HOW_TO_READ = """
covered, D < L   95 % interval holds the true D, lies above it; D = 0
wrong            "violated" or "better" where D = 0
false            "violated" where D is the margin
25 %, 50 %       "violated" where theta_K of b is so much worse
known            "50 %" of a threshold that knows how the estimate of D varies; for fixed N
better           "better" where it is 25 % better
decided, trials  share decided, and N at the end, where it is 50 % worse
"""


def text(cells: Sequence[Cell]) -> str:
    """Returns the mean and the worst of the populations for each N and K, and then each of them."""
    shown: dict[tuple[tuple[int, ...], int], dict[str, dict[str, Cell]]] = {}
    for cell in cells:
        of_plan = shown.setdefault((cell.looks, cell.tuning_budget), {})
        of_plan.setdefault(cell.population, {})[cell.scenario] = cell
    head = "".join(f"{heading:>9}" for heading in _COLUMNS)
    lines = []
    for (looks, k), populations in shown.items():
        rows = {
            name: [column(scenarios) for column in _COLUMNS.values()]
            for name, scenarios in populations.items()
        }
        by_column = list(zip(*rows.values(), strict=True))
        rows["mean"] = [sum(column) / len(column) for column in by_column]
        rows["lowest"] = [min(column) for column in by_column]
        rows["highest"] = [max(column) for column in by_column]
        title = f"N = {', '.join(map(str, looks))}; K = {k}"
        lines.append(f"{title:<26}{head}")
        for name, row in rows.items():
            *shares, trials = row
            lines.append(f"{name:<26}" + "".join(f"{x:>9.3f}" for x in shares) + f"{trials:>9.0f}")
        lines.append("")
    num = cells[0].num_studies
    errors = ", ".join(f"{standard_error(p, num):.4f} at {p}" for p in (0.5, 0.95, 0.975))
    lines.append(f"{num} studies a row; standard error of a share: {errors}")
    return "\n".join(lines) + "\n" + _HOW_TO_READ
