"""What narrowing does to search spaces whose optimum is known."""
