"""Command-line programs: the only place where flags are read and names become objects."""
