"""The files of a study: their contents, reading and writing them. Nothing else."""
