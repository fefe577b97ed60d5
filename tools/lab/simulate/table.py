"""What came of simulated studies, as a table for people."""

from collections.abc import Callable, Sequence

from tfoptcmp.tools.lab.simulate.studies import Cell, standard_error

from tfoptcmp.analysis.statistics.verdicts import Verdict

_WRONG_IF_EQUAL = (Verdict.VIOLATED, Verdict.BETTER)

# Heading, scenario and what is shown of its cell.
_COLUMNS: tuple[tuple[str, str, Callable[[Cell], float]], ...] = (
    ("covered", "equal", lambda cell: cell.coverage),
    ("D < L", "equal", lambda cell: cell.above / cell.num_studies),
    ("wrong", "equal", lambda cell: cell.share(*_WRONG_IF_EQUAL)),
    ("false", "at the margin", lambda cell: cell.share(Verdict.VIOLATED)),
    ("25 %", "25 % worse", lambda cell: cell.share(Verdict.VIOLATED)),
    ("50 %", "50 % worse", lambda cell: cell.share(Verdict.VIOLATED)),
    ("better", "25 % better", lambda cell: cell.share(Verdict.BETTER)),
    ("decided", "50 % worse", lambda cell: cell.decided),
    ("trials", "50 % worse", lambda cell: cell.mean_trials),
)

_HOW_TO_READ = """
covered, D < L   95 % interval holds the true D, lies above it; D = 0
wrong            "violated" or "better" where D = 0
false            "violated" where D is the margin
25 %, 50 %       "violated" where theta_K of b is so much worse
better           "better" where it is 25 % better
decided, trials  share decided, and N at the end, where it is 50 % worse
"""


def text(cells: Sequence[Cell]) -> str:
    """Returns the mean and the worst of the populations for each N and K, and then each of them."""
    shown: dict[tuple[tuple[int, ...], int], dict[str, dict[str, Cell]]] = {}
    for cell in cells:
        of_plan = shown.setdefault((cell.looks, cell.tuning_budget), {})
        of_plan.setdefault(cell.population, {})[cell.scenario] = cell
    head = "".join(f"{heading:>9}" for heading, _, _ in _COLUMNS)
    lines = []
    for (looks, k), populations in shown.items():
        rows = {
            name: [show(scenarios[scenario]) for _, scenario, show in _COLUMNS]
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
