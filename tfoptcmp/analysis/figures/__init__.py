"""Figures, from comparisons to matplotlib objects; no pyplot, so no display and no global state."""

from tfoptcmp.analysis.figures.results import results_figure as results_figure
from tfoptcmp.analysis.figures.style import save as save
