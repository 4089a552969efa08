"""The EPICS variables of a client: what is no port is told before anything is searched.

An empty variable counts as unset, as in libca. Pure, but for `check`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence

from sswd.errors import NotFoundError

CA_PORT = 5064
SERVER_PORT = "EPICS_CA_SERVER_PORT"
LISTS = ("EPICS_CA_ADDR_LIST", "EPICS_CA_NAME_SERVERS")
LONGEST_NAME = 1024
"""Characters, with filters: sswd's servers know no longer name, libca sends none."""
_DIGITS = 10  # int() refuses thousands of them


def port_of(text: str) -> int:
    """The port that a text names; 0: none."""
    number = int(text) if text.isdecimal() and len(text) <= _DIGITS else 0
    return number if number < 65536 else 0


def search_port(env: Mapping[str, str]) -> int:
    """The port of the search, unless an address has one of its own."""
    return port_of(env.get(SERVER_PORT, "")) or CA_PORT


def wrong_ports(
    env: Mapping[str, str], keys: Sequence[str] = (SERVER_PORT,)
) -> Iterator[tuple[str, str]]:
    """Words for each port that is none, and the mend: of `keys`, and in the lists."""
    for key in keys:
        given = env.get(key, "")
        if given and not port_of(given):
            mend = f"set it to a number of 1 to 65535, or unset {key}"
            yield f"{key}={given!r} is no port", mend
    for key in LISTS:
        for entry in env.get(key, "").split():
            _, colon, given = entry.partition(":")
            if colon and not port_of(given):
                mend = "write HOST, or HOST:PORT with a number of 1 to 65535"
                yield f"{key} names {entry}, and {given!r} is no port", mend


def check(name: str) -> None:
    """Raises NotFoundError where `name` cannot be searched in this environment."""
    if len(name) > LONGEST_NAME:
        words = f"it has {len(name)} characters, and a search takes {LONGEST_NAME}"
        raise NotFoundError(f"{name[:60]}…: nothing is searched: {words}")
    words = "; ".join(f"{wrong}: {mend}" for wrong, mend in wrong_ports(os.environ))
    if words:
        raise NotFoundError(f"{name}: nothing is searched: {words}")
