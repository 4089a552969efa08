"""What a PV is, what it may hold, and which alarm it shows."""
