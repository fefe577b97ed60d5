"""Our speed beside others': `python -m tools.lab.benchmark`."""
