"""A Channel Access client for a PV of another IOC."""
