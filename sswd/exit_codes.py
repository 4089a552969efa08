"""Exit codes of the programs `sswd` and `python -m sswd.master`, as in sysexits.h.

argparse exits with 2 for wrong usage.
"""

CLEAN = 0
UNEXPECTED = 1
WRONG = 3
"""`sswd status`: something is not well."""
NOT_FOUND = 4
"""No server answers for a PV, or no daemon is found."""
TAKEN = 69
"""A port or prefix is taken, an address is not there; a supervisor may try again."""
BAD_CONFIGURATION = 78
"""A supervisor must not try again."""
INTERRUPTED = 130
"""SIGINT, as shells say it."""
