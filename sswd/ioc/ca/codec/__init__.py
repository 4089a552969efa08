"""Channel Access in bytes: protocol, payloads, names, filters."""
