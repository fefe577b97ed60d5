"""The files of a study: what stands in them, reading and writing them. Nothing else."""
