"""Random gets, as libca's clients make them, from EPICS base and from us.

One process asks both: records of every type that sswd serves, their fields, all forms
of a DBR type, counts up to beyond the PV's own, `NAME$`. The difference that
test_fields.py lists by whole classes are left out here by the same table. The seed is
fixed, so a failure comes again; SSWD_SEED and SSWD_GETS give a longer one.
"""

import asyncio
import contextlib
import fnmatch
import os
import random
import sys
from pathlib import Path

import aioca
import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from base_ioc import serving_base  # noqa: E402
from table import deviations  # noqa: E402
from test_fields import PVS, RECORDS, is_text, post_to_ours, put_to_base  # noqa: E402

import ca_raw as ca  # noqa: E402
import script  # noqa: E402

from sswd.ioc.pvs.declared import declare  # noqa: E402
from sswd.ioc.pvs.record_types import fields_of  # noqa: E402

SEED = int(os.environ.get("SSWD_SEED", "20"))
GETS = int(os.environ.get("SSWD_GETS", "300"))
FORMATS = {
    "": aioca.FORMAT_RAW,
    "TIME_": aioca.FORMAT_TIME,
    "CTRL_": aioca.FORMAT_CTRL,
}
