"""How much a PV of sswd holds: each size has its name here and nowhere else.

The sizes of the protocol's own types are in sswd.ioc.ca.codec.protocol, the bounds of
configuration keys in sswd.config.
"""

STRING_BYTES = 39
"""Bytes of an EPICS string (DBR_STRING) beside the NUL that ends it."""
DESC_CHARACTERS = 40
"""Characters of a description that .DESC holds."""
CMD_BYTES = 10_000
"""Capacity in bytes of CMD and of every long string that may repeat a command; also of
a `text` PV whose configuration gives no `length`."""
VALUES_ELEMENTS = 10_000
"""Capacity in float64 elements of `values`; also the most points of a command text."""
STATUS_BYTES = 4_000
"""Capacity in bytes of the long strings that say how a worker failed or ended."""
COUNTER_MODULUS = 2**31
"""A counting PV (longin, an int32 that is never negative) goes on with 0 from here."""
NAME_CHARACTERS = 60
"""The longest name of a record in EPICS base (PVNAME_STRINGSZ less its NUL). A longer
one in a post is cut before it travels."""
