"""How workloads read their data and cut them into batches."""
