"""What `tfoptcmp-reproduce` needs: the studies of each figure, the paper's claims, their check."""
