"""`python -m sswd`."""

import sys

from sswd.cli import main

if __name__ == "__main__":
    sys.exit(main())
