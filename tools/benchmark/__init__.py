"""Our speed beside others': `python -m tools.benchmark`."""
