"""What can happen to processes, disks and numbers, made to happen: `python -m tools.lab.faults`."""
