"""docs/reference/lifecycle.md is made from sswd/ioc/supervision/lifecycle.py.

After a change of the table, SSWD_WRITE_DOCS=1 writes the page anew.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from sswd.ioc.supervision.lifecycle import (
    IGNORED,
    IMPOSSIBLE,
    KILL_S,
    LATE_S,
    STOP_S,
    TABLE,
    Event,
    Phase,
    WorkerState,
)

PAGE = Path(__file__).parents[2] / "docs/reference/lifecycle.md"

HEAD = f"""\
# Lifecycle of a worker

<!-- Made from sswd/ioc/supervision/lifecycle.py by tests/docs/test_lifecycle.py:
     SSWD_WRITE_DOCS=1 writes it anew. -->

*For maintainers. Operators find the states of a worker in [PVs](pvs.md#the-worker), and
what to do about each in [troubleshooting](../how-to/troubleshooting.md).*

`WORKER:STATE` shows one of supervisord's words. The supervisor knows more: a *phase*
also says what comes next. So `STOPPING` before a restart and `STOPPING` before the end
are two phases. One table decides every event in every phase. An event leads to a next
phase and to actions, which are performed in the order of the table, or the event is
ignored for the reason given below.

Times: LATE_S is {LATE_S:g} s, STOP_S {STOP_S:g} s, KILL_S {KILL_S:g} s. `start_s` and
the back-off are configured in [`[system.NAME.restart]`](configuration.md).
"""


def page() -> str:
    return "\n".join([HEAD, *diagram(), "", *phases(), "", *events(), "", *steps()])


def diagram() -> Iterator[str]:
    yield "## Diagram"
    yield ""
    yield "Events that change no phase are not shown. `ENDED` and `DIED` are exits."
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.STOPPED.name}"
    for state in WorkerState:
        inside = [phase for phase in Phase if phase.state is state]
        yield f'    state "{state.name}" as {state.name}_STATE {{'
        yield from (f"        {phase.name}" for phase in inside)
        yield "    }"
    for phase, row in TABLE.items():
        edges: dict[Phase, list[str]] = {}
        for event in Event:
            if event in row and row[event].to is not phase:
                edges.setdefault(row[event].to, []).append(event.name)
        for to, names in edges.items():
            yield f"    {phase.name} --> {to.name}: {', '.join(names)}"
    yield f"    {Phase.CLOSED.name} --> [*]"
    yield "```"


def phases() -> Iterator[str]:
    yield "## Phases"
    yield ""
    yield "| phase | `WORKER:STATE` | meaning |"
    yield "|---|---|---|"
    for phase in Phase:
        yield f"| {phase.name} | {phase.state.name} | {phase.meaning} |"


def events() -> Iterator[str]:
    yield "## Events"
    yield ""
    yield "| event | meaning | where the table does not name it |"
    yield "|---|---|---|"
    for event in Event:
        otherwise = IGNORED.get(event, "logged as an error; nothing is done")
        yield f"| {event.name} | {event.value} | {otherwise} |"


def steps() -> Iterator[str]:
    yield "## Table"
    for phase, row in TABLE.items():
        yield ""
        yield f"### {phase.name}"
        yield ""
        if not row:
            yield "Nothing happens any more."
            continue
        yield "| event | next phase | actions |"
        yield "|---|---|---|"
        for event in Event:
            if event in row:
                step = row[event]
                actions = ", ".join(a.name for a in step.actions)
                yield f"| {event.name} | {step.to.name} | {actions} |"


def test_the_page_is_the_table():
    text = page() + "\n"
    if os.environ.get("SSWD_WRITE_DOCS"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text


def test_the_page_leaves_no_event_open():
    assert set(IGNORED) | IMPOSSIBLE == set(Event)
