"""Command-line programs: the only package that reads flags and turns names into objects."""
