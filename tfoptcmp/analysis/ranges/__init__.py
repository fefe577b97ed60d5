"""Search spaces seen from their trials: boundary check, narrowing."""
