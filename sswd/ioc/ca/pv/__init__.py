"""One PV as its clients share it."""
