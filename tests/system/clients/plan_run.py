"""Run a bluesky plan to its end, and what its documents say."""

import sys

from bluesky import RunEngine


def run(engine: RunEngine, plan: object) -> tuple[str, str, list[dict]]:
    """Exit status, reason and the events' data."""
    documents: list[tuple[str, dict]] = []
    try:
        engine(plan, lambda name, doc: documents.append((name, doc)))
    except Exception as ex:
        print(f"raised {type(ex).__name__}: {ex}", file=sys.stderr)
    (stop,) = [doc for name, doc in documents if name == "stop"]
    events = [doc["data"] for name, doc in documents if name == "event"]
    for name, doc in documents:
        if name == "event_page":
            keys = doc["data"]
            rows = zip(*keys.values(), strict=True)
            events += [dict(zip(keys, row, strict=True)) for row in rows]
    return stop["exit_status"], stop["reason"], events
