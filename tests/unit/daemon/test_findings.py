"""What of a status is not well, and what is to be done: in whole sentences."""

import pytest
from msgspec.structs import replace

from sswd.control.mends import mend_of
from sswd.control.status import Disk, Failure, IocStatus, Running, StandingAlarm
from sswd.ioc.daemon.control.findings import findings
from tests.unit.control.test_outcome import RUNS

IOC = IocStatus(
    pid=1,
    sswd="0",
    prefix="P:",
    file="",
    started=0.0,
    uptime=1.0,
    memory=60.0,
    loop_lag=0.01,
    clients=0,
    channels=0,
    monitors=0,
    port=5064,
    state_directory="/state",
    disk_free=9000.0,
)
CRASH = "worker 'main' (run 3) was killed by SIGSEGV while running command 1 CMD 'x'"
COMMAND = Running(id=5, words="command 5 CMD 'x'", seconds=1.0, progress=0.0)


def failure(words: str) -> Failure:
    return Failure(words=words, at=0.0, mend=mend_of(words))


def in_state(state: str, **more: object):
    return replace(RUNS, state=state, phase=state, **more)


def alarm(
    severity: str, status: str, words: str = "", *, is_fault: bool = True
) -> StandingAlarm:
    return StandingAlarm(
        severity=severity,
        status=status,
        words=words,
        pvs=["P:A"],
        count=1,
        is_fault=is_fault,
    )


@pytest.mark.parametrize(
    ("system", "words", "mend"),
    [
        (
            in_state("BACKOFF", last_exit=failure(CRASH)),
            f"the worker died and is to be started again: {CRASH}",
            "a C library crashed",
        ),
        (
            in_state(
                "BACKOFF",
                last_exit=failure("worker 'main' (run 1) exited with code 1"),
                last_error=failure("Traceback\nOSError: No route to host"),
            ),
            "exited with code 1",
            "the instrument does not answer: is it on",
        ),
        (
            in_state("FATAL", last_exit=failure(CRASH)),
            "died too often and is given up",
            "; then `sswd restart`",
        ),
        (in_state("STOPPED"), "the worker is stopped", "`sswd start`"),
        (in_state("STARTING"), "the worker starts", "`sswd stack`"),
        (
            replace(RUNS, stalled=True, running=COMMAND),
            "the worker is silent during command 5 CMD 'x'",
            "`sswd stack` shows where",
        ),
        (
            replace(RUNS, stalled=True, is_frozen=True),
            "the worker is silent: somebody stopped its process (SIGSTOP",
            "`kill -CONT 7`",
        ),
        (
            replace(RUNS, refused_code=failure("does not load: SyntaxError: x")),
            "does not load: SyntaxError: x; the former code goes on",
            "correct the line that is named",
        ),
        (
            replace(RUNS, save_error="state cannot be saved: Read-only file system"),
            "state cannot be saved: Read-only",
            "mount the disk writable",
        ),
        (
            replace(RUNS, save_error="setpoints cannot be saved: it is strange"),
            "setpoints cannot be saved: it is strange",
            "make room",
        ),
        (
            replace(RUNS, link="LOST", link_words="ping: timed out (10.0.0.7)"),
            "the link is LOST: ping: timed out (10.0.0.7)",
            "is it on, are cable and address right?",
        ),
        (
            replace(RUNS, link="FAILING", link_words="checksum wrong"),
            "the link is FAILING: checksum wrong",
            "sswd connects again by itself",
        ),
        (
            replace(RUNS, alarms=[alarm("MAJOR", "WRITE", "stage: timed out")]),
            "MAJOR/WRITE on P:A: stage: timed out",
            "is it on, are cable and address right?",
        ),
        (
            replace(RUNS, alarms=[alarm("MAJOR", "WRITE", "ValueError: it melts")]),
            "MAJOR/WRITE on P:A: ValueError: it melts",
            "`sswd commands` shows who put what",
        ),
        (
            replace(RUNS, alarms=[alarm("INVALID", "TIMEOUT", "no post for 2 s")]),
            "INVALID/TIMEOUT on P:A: no post for 2 s",
            "has its thread or callback ended?",
        ),
        (
            replace(RUNS, alarms=[alarm("MAJOR", "HIHI", "too hot")]),
            "MAJOR/HIHI on P:A: too hot",
            "",
        ),
    ],
)
def test_what_is_wrong_with_a_system(system, words: str, mend: str) -> None:
    [wrong] = findings(IOC, [system])
    assert wrong.where == "main"
    assert words in wrong.words
    assert mend in wrong.mend


@pytest.mark.parametrize(
    "system",
    [
        RUNS,
        replace(RUNS, running=COMMAND, queue=3),
        replace(RUNS, last_exit=failure(CRASH), restarts=1),  # it has healed
        replace(RUNS, alarms=[alarm("MINOR", "HIGH")]),
        replace(RUNS, alarms=[alarm("MAJOR", "WRITE", "99 > 20", is_fault=False)]),
        replace(RUNS, link="", link_words=""),
    ],
)
def test_what_is_well(system) -> None:
    assert findings(IOC, [system]) == []


def test_alarms_that_follow_from_what_is_told_are_not_told_again() -> None:
    stalled = replace(RUNS, stalled=True, alarms=[alarm("INVALID", "TIMEOUT")])
    lost = replace(RUNS, link="LOST", alarms=[alarm("INVALID", "COMM")])
    gone = in_state("BACKOFF", alarms=[alarm("INVALID", "COMM")])
    assert len(findings(IOC, [stalled, lost, gone])) == 3


@pytest.mark.parametrize(
    ("ioc", "words"),
    [
        (replace(IOC, disk_free=10.0), "the disk of /state is full: 10 MB are left"),
        (replace(IOC, disk_free=None), "the disk of /state does not answer"),
        (
            replace(IOC, disk_free=None, disk_error="does not say: Stale file handle"),
            "the disk of /state does not say: Stale file handle",
        ),
        (
            replace(IOC, other_disks=[Disk(folder="/b", holds="setpoints", free=2.0)]),
            "the disk of /b is full: 2 MB are left",
        ),
        (
            replace(IOC, access="/site.acf", unknown_hosts=["a", "b", "c", "d"]),
            "no address of a, b, c, ... in a HAG: no client is taken for it",
        ),
        (replace(IOC, loop_lag=2.0), "the IOC was late by 2 s in the last second"),
        (
            replace(IOC, forkserver_error="it cannot be started: full"),
            "the fork server does not fork: it cannot be started: full",
        ),
    ],
)
def test_what_is_wrong_with_the_ioc(ioc, words: str) -> None:
    [wrong] = findings(ioc, [RUNS])
    assert (wrong.where, wrong.words) == ("IOC", words)
    assert wrong.mend


def test_a_small_disk_is_not_full_because_it_is_small() -> None:
    empty = Disk(folder="/b", holds="setpoints", free=0.06, size=0.064)
    assert findings(replace(IOC, other_disks=[empty]), [RUNS]) == []
    [wrong] = findings(replace(IOC, other_disks=[replace(empty, free=0.0)]), [RUNS])
    assert (wrong.words, wrong.mend) == (
        "the disk of /b is full: 0 MB are left",
        "free space there, for setpoints",
    )
    kept = "post-mortems, setpoints, the log"
    [wrong] = findings(replace(IOC, disk_free=0.0, disk_holds=kept), [RUNS])
    assert wrong.mend == f"free space there, for {kept}"


def test_a_file_that_cannot_be_written_is_named():
    words = "the audit log /a/b cannot be written: No space left on device"
    [wrong] = findings(replace(IOC, files=[words]), [RUNS])
    assert (wrong.where, wrong.words) == ("IOC", words)
    assert wrong.mend == "free space on the disk that is named"
    [wrong] = findings(replace(IOC, files=["the log file /x cannot be written"]), [])
    assert "give the daemon the right" in wrong.mend
