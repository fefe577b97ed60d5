"""From study directories to evidence; needs no TensorFlow."""

from tfoptcmp.analysis.sources.studies import load_studies as load_studies
