"""Values as JSON can say them. Pure."""

import math


def for_json(value: object) -> object:
    """`value` with "Nan", "Infinity" and "-Infinity" for what JSON has no numbers for,
    as EPICS's caPutLog writes them, and texts without lone surrogates, which are a
    client's bytes that are no UTF-8. Lists are looked into.
    """
    if isinstance(value, list):
        return [for_json(each) for each in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return "Nan"
        return "Infinity" if value > 0 else "-Infinity"
    return value
