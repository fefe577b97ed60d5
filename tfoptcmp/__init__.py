"""Fair comparisons of neural-network optimizers: rules, spaces, training, analysis."""
