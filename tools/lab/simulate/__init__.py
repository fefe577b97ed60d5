"""What the rule for verdicts does on simulated studies whose true difference is known."""
