"""The PVs that a system's class declares: served one by one, in turns of the loop.

A class may declare thousands, and 170 us each would keep clients waiting for a second.
A PV that cannot be served is left out and told; the others are served all the same.

Threading model: the loop's own.
"""

import gc
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping

from sswd.config import pv_from_dict
from sswd.config.keys import PvConfig
from sswd.errors import ConfigError, ProtocolError
from sswd.pipe.bounded import decoded_keys

log = logging.getLogger("sswd.ioc")

MAX_PVS = 10_000
"""Of one class."""
FREEZE_PVS = 100
"""So many PVs are taken from the garbage collector's sight at once: PVs are never
garbage, and looking at those of thousands kept clients waiting for 0.2 s each time."""
MAX_TOLD = 20
"""Lines in the log about one class."""
WORDS_CHARACTERS = 500

Serve = Callable[[str, PvConfig], str | None]
"""Serves one PV of this name; tells in words why it does not."""


def serving(
    system: str, pvs: Mapping[str, Mapping[str, object]], origin: str, serve: Serve
) -> Iterator[None]:
    """Steps that serve what the class at `origin` declares, a PV a step."""
    not_served: list[str] = []
    for number, (name, keys) in enumerate(itertools.islice(pvs.items(), MAX_PVS), 1):
        try:
            refusal = serve(name, pv_from_dict(name, decoded_keys(keys), origin))
        except ConfigError as ex:
            refusal = str(ex)
        except ProtocolError as ex:
            refusal = f"{name}: {ex}"
        if refusal is not None:
            not_served.append(refusal[:WORDS_CHARACTERS])
        if number % FREEZE_PVS == 0:
            gc.collect(0)
            gc.freeze()
        yield
    if len(pvs) > MAX_PVS:
        not_served.append(f"it declares {len(pvs)} PVs, and {MAX_PVS} are the most")
    for refusal in not_served[:MAX_TOLD]:
        log.error("system '%s': a PV of the class is not served: %s", system, refusal)
    if len(not_served) > MAX_TOLD:
        more = len(not_served) - MAX_TOLD
        log.error("system '%s': %d more PVs of the class are not served", system, more)
