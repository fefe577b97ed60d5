"""What trials say about their search space: boundary check, narrowing."""
