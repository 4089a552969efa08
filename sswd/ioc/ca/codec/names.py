"""From the name that a client asks for to the PV: `record[.FIELD][$][filter]`."""

from collections.abc import Mapping
from typing import NamedTuple

from sswd.ioc.ca.caproto_private.data import Data, has_state
from sswd.ioc.ca.caproto_private.records import record_field
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.filters import NO_FILTERS, Filters, parse_filters

LONGEST = 1024
"""Characters of a channel name with its filters; a longer one is no name of ours."""


class Found(NamedTuple):
    """A PV and what the name asks of it beside its value."""

    data: Data
    filters: Filters
    long_string: bool


def split_name(name: str) -> tuple[str, bool, str]:
    """(record or record.FIELD, ends in $, filter text) of a channel name. Pure.

    Beyond EPICS base, `record$` is understood as `record.VAL$`.
    """
    record, dot, rest = name.partition(".")
    at = min((i for i in map(rest.find, "{[") if i >= 0), default=len(rest))
    field, filter_text = rest[:at], rest[at:]
    if not dot:
        return record.removesuffix("$"), record.endswith("$"), ""
    long_string = field.endswith("$")
    field = field.removesuffix("$")
    return (f"{record}.{field}" if field else record), long_string, filter_text


def find(pvdb: Mapping[str, Data], name: str) -> Found | None:
    """The PV or record field of this name, or None. A bad filter is also None."""
    data = pvdb.get(name)
    if data is not None:
        return Found(data, NO_FILTERS, long_string=False)
    if len(name) > LONGEST:
        return None
    plain, long_string, filter_text = split_name(name)
    data = pvdb.get(plain)
    if data is None:
        record, _, field = plain.partition(".")
        data = pvdb.get(record)
        if data is None:
            return None
        data = record_field(data, field)
        if data is None:
            return None
    if long_string and int(data.data_type) not in (protocol.STRING, protocol.CHAR):
        return None
    try:
        filters = parse_filters(filter_text)
    except ValueError:
        return None
    if filters.sync is not None and not has_state(data, filters.sync[1]):
        return None  # as EPICS base; no event would ever pass
    return Found(data, filters, long_string)
