"""Results of our own studies and of other tools, as `tfoptcmp.analysis.evidence.Evidence`."""

from tfoptcmp.analysis.importers.detect import read_evidence as read_evidence
from tfoptcmp.analysis.importers.tables import read_csv as read_csv
