"""Files of deploy/ as shipped, under the programs that they are for."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent):
    sys.path.insert(0, str(folder))  # ioc_instance.py; daemon.py
