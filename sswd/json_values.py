"""Numbers as JSON can say them. Pure."""

import math


def for_json(value: object) -> object:
    """`value` with "Nan", "Infinity" and "-Infinity" for what JSON has no numbers for.

    EPICS's caPutLog writes them so. Lists are looked into.
    """
    if isinstance(value, list):
        return [for_json(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return "Nan"
        return "Infinity" if value > 0 else "-Infinity"
    return value
