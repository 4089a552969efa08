"""The PVs that a SequenceSystem declares, with the keys of `[system.NAME.pvs.PV]`."""

import math
from collections.abc import Mapping
from typing import Any

from sswd.sequence import step_pvs
from sswd.sequence.stepping import MAX_COUNT

SEQUENCE_PVS: Mapping[str, Mapping[str, Any]] = {
    step_pvs.INDEX: {
        "type": "int",
        "writable": True,
        "limits": [0, MAX_COUNT],
        "description": "a put steps to this count of the master",
    },
    step_pvs.INDEX_RBV: {
        "type": "int",
        "value": -1,
        "description": "count of the last step that succeeded",
    },
    step_pvs.VAL: {
        "type": "float",
        "value": math.nan,
        "precision": 6,
        "description": "where the last step went",
    },
    step_pvs.READY: {
        "type": "bool",
        "strings": ["NOT READY", "READY"],
        # Until a run says otherwise: no step is under way. Its alarm tells the rest.
        "value": True,
        "description": "last move succeeded and is published",
    },
    step_pvs.IDLE_VALUE: {
        "type": "float",
        "writable": True,
        "finite": True,
        "precision": 6,
        "description": "where steps go with nothing loaded",
    },
    step_pvs.DIVIDER: {
        "type": "int",
        "value": 1,
        "writable": True,
        "limits": [1, MAX_COUNT],
        "description": "counts of the master for one step",
    },
    step_pvs.RETURN_VALUE: {
        "type": "float",
        "value": math.nan,
        "writable": True,
        "precision": 6,
        "description": "where to go after an abort; NaN: stay",
    },
    step_pvs.STEP_TIME: {
        "type": "float",
        "units": "s",
        "precision": 6,
        "description": "time of the last step",
    },
}
