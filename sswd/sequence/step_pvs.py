"""Names of the PVs by which a sequence is loaded and stepped.

A SequenceSystem declares and posts them, the IOC looks at them, timing masters know
them. No other place spells them.
"""

INDEX = "INDEX"
"""A put steps to this count of the master."""
INDEX_RBV = "INDEX_RBV"
"""Count of the last step that succeeded."""
VAL = "VAL"
"""Where the last step went."""
READY = "READY"
"""Whether the last move has succeeded and is published."""
IDLE_VALUE = "IDLE_VALUE"
"""Where steps go with nothing loaded."""
DIVIDER = "DIVIDER"
"""Counts of the master to one step."""
RETURN_VALUE = "RETURN_VALUE"
"""Where to go after an abort; NaN: stay."""
STEP_TIME = "STEP_TIME"
"""Time of the last step in s."""
VALUES = "values"
"""The trajectory: a PV of the template."""

RESTORED = (
    VALUES,
    INDEX,
    INDEX_RBV,
    READY,
    IDLE_VALUE,
    DIVIDER,
    RETURN_VALUE,
    STEP_TIME,
)
"""PVs whose values a new worker gets back."""
