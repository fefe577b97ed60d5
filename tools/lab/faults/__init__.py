"""Causes faults of processes, disks and numbers on purpose: `python -m tools.lab.faults`."""
