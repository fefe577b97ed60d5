"""Our speed compared with that of others: `python -m tools.lab.benchmark`."""
