"""Comparisons from the results of any tool, and what they say; needs no TensorFlow."""

from tfoptcmp.analysis.sources import read_comparisons as read_comparisons
from tfoptcmp.analysis.sources.studies import load_studies as load_studies
