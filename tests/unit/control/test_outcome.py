"""What has become of an order, from two statuses."""

import pytest
from msgspec.structs import replace

from sswd.control.outcome import outcome
from sswd.control.status import Failure, Running, SystemStatus

RUNS = SystemStatus(
    name="main",
    prefix="P:",
    target="m:C",
    state="RUNNING",
    phase="RUNNING",
    run=3,
    restarts=2,
    pid=7,
    uptime=9.0,
    stalled=False,
    memory=30.0,
    cpu=0.0,
    running=None,
    queue=0,
    link="OK",
    link_words="",
    last_exit=None,
    last_error=None,
    last_command=None,
    alarms=[],
    not_posted=0,
    refused_posts=0,
)
ANEW = replace(RUNS, run=4, pid=8)
STOPPED = replace(RUNS, state="STOPPED", phase="STOPPED", pid=0)
DIED = Failure(words="traceback\nKeyError: 1", at=0.0)
BACKOFF = replace(RUNS, state="BACKOFF", phase="BACKOFF", run=4, last_exit=DIED)
COMMAND = Running(id=5, words="command 5 CMD 'x'", seconds=1.0, progress=0.0)


def phase(name: str, **more: object) -> SystemStatus:
    state = "RUNNING" if name in ("YOUNG", "REFRESHING") else "STARTING"
    return replace(RUNS, state=state, phase=name, **more)


@pytest.mark.parametrize(
    ("verb", "before", "now", "good", "words"),
    [
        ("restart", RUNS, phase("REFRESHING"), None, ""),
        ("restart", RUNS, phase("RENEWING", run=4), None, ""),
        ("restart", RUNS, ANEW, True, "RUNNING, run 4, pid 8"),
        ("restart", RUNS, phase("YOUNG", run=4), True, "RUNNING, run 4"),
        ("restart", RUNS, BACKOFF, False, "BACKOFF: KeyError: 1"),
        # Fresh code that does not load: the worker goes on.
        ("restart", RUNS, RUNS, False, "RUNNING as before, run 3"),
        # A restart that was under way already, and means this one.
        ("restart", phase("YOUNG"), RUNS, True, "run 3"),
        ("restart", phase("RENEWING"), phase("YOUNG"), True, "run 3"),
        ("restart", replace(BACKOFF, run=3), replace(BACKOFF, run=3), None, ""),
        ("restart", RUNS, STOPPED, False, "somebody stopped it"),
        ("start", STOPPED, phase("STARTING", run=4), None, ""),
        ("start", STOPPED, ANEW, True, "run 4"),
        ("start", RUNS, RUNS, True, "run 3"),
        (
            "start",
            STOPPED,
            replace(BACKOFF, state="FATAL", phase="FATAL"),
            False,
            "FATAL",
        ),
        ("stop", RUNS, phase("STOPPING"), None, ""),
        ("stop", RUNS, STOPPED, True, "STOPPED"),
        ("reload", STOPPED, STOPPED, True, "STOPPED, and stays so"),
        ("reload", RUNS, ANEW, True, "run 4"),
        # It is none of the restarts that were under way.
        ("reload", phase("STARTING"), phase("RESTARTING"), None, ""),
        ("reload", phase("YOUNG"), RUNS, False, "RUNNING as before, run 3"),
        ("abort", RUNS, RUNS, True, "no command ran"),
        (
            "abort",
            replace(RUNS, running=COMMAND),
            replace(RUNS, running=COMMAND),
            None,
            "",
        ),
        ("abort", replace(RUNS, running=COMMAND), RUNS, True, "has ended"),
    ],
)
def test_the_end_of_an_order(verb, before, now, good, words) -> None:
    found = outcome(verb, before, now)
    if good is None:
        assert found is None
        return
    assert found is not None
    assert found.is_good is good
    assert words in found.words
