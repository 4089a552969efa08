"""Life and death of a system's worker."""
