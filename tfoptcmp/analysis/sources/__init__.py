"""Results of any tool as comparisons: which tool wrote what a path holds, and its reader.

Each source is a file with `find`, which says, without reading much, which files of a path belong to
it, and with `read`. To add a source, write that file and add a line to SOURCES of `reading`;
`settings` says what the settings of its runs are.
"""

from tfoptcmp.analysis.sources.reading import SOURCES, read_comparisons

__all__ = ["SOURCES", "read_comparisons"]
