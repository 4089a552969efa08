"""Whether what a class or `declare()` tells the IOC fits its messages. Pure.

The IOC bounds what it decodes (sswd/pipe/bounded.py), and takes more for damage.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sswd.errors import ConfigError, LoadError
from sswd.pipe.bounded import LONG_HEAD, VERBS_BYTES
from sswd.pipe.codec import MessageEncoder
from sswd.pipe.limits import MAX_UP_HEAD
from sswd.pipe.protocol import MAX_DECLARED, Loaded

_PORTION_BYTES = LONG_HEAD // 2

Keys = Mapping[str, Mapping[str, Any]]


def check_size(factory: type, loaded: Loaded) -> None:
    """Refuse a class that says too much of itself. Raises LoadError."""
    verbs = len(msgspec.msgpack.encode(loaded.verbs))
    if verbs > VERBS_BYTES:
        raise LoadError(
            f"{factory.__name__}: the signatures of its verbs take {verbs} bytes, and "
            f"{VERBS_BYTES} are the most; shorten summaries and choices"
        )
    whole = len(MessageEncoder().encode(loaded)[0])
    if whole > MAX_UP_HEAD:
        raise LoadError(
            f"{factory.__name__}.pvs: its {len(loaded.pvs)} PVs take {whole} bytes, "
            f"and {MAX_UP_HEAD} are the most; post long first values in setup()"
        )


def portions(pvs: Keys) -> Iterator[dict[str, Mapping[str, Any]]]:
    """`pvs` in order, as many in each dict as one Declare holds.

    Raises ConfigError when one alone is too much.
    """
    portion: dict[str, Mapping[str, Any]] = {}
    size = 0
    for name, keys in pvs.items():
        added = len(name) + len(bytes(MessageEncoder().encode_value(keys).head))
        if added > _PORTION_BYTES:
            raise ConfigError(
                f"declare: the keys of {name} take {added} bytes, and {_PORTION_BYTES} "
                "are the most; post a long first value"
            )
        if portion and (len(portion) == MAX_DECLARED or size + added > _PORTION_BYTES):
            yield portion
            portion, size = {}, 0
        portion[name] = keys
        size += added
    if portion:
        yield portion
