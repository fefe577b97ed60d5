"""Best of K, differences and their intervals, verdicts."""
