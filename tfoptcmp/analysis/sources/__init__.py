"""Results of any tool as a comparison; one file a layout."""

from tfoptcmp.analysis.sources.detect import read_evidence as read_evidence
from tfoptcmp.analysis.sources.tables import read_csv as read_csv
