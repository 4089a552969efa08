"""Row 40: torture; the same checker must catch three wrong policies."""

import os
import signal
from pathlib import Path

import pytest
from client import Client
from daemon import until
from patched import patched
from served import served
from systems import one_system
from torture import ENDED, Outcome, Torture, is_dead, killed_once, violations

pytestmark = pytest.mark.row(40)

COMMANDS, KILLS = 400, 15
SEED = 40
KEEP = 'queue = 64\non_restart = "keep"\non_down = "queue"'
FLUSH = 'queue = 64\non_restart = "flush"\non_down = "reject"'


def config_of(journal: Path, policy: str) -> str:
    return one_system(
        "journal:Journal",
        args=f'path = "{journal}"',
        command=policy,
        restart="delay_s = 0.02\nmax_delay_s = 0.02",
    )


def tortured(
    client: Client,
    folder: Path,
    policy: str,
    *,
    commands: int = COMMANDS,
    kills: int = KILLS,
) -> Outcome:
    """A daemon's fate under SIGKILLs."""
    journal = folder / "journal"
    with served(config_of(journal, policy), client) as daemon:
        torture = Torture(daemon, client, journal)
        outcome = torture.run(commands, kills, SEED, waits_for_worker=policy is FLUSH)
        assert torture.kills == kills
    told = {fate: sum(f == [fate] for f in outcome.fates.values()) for fate in FATES}
    print(f"{commands} commands, {kills} kills: {told}")
    return outcome


FATES = ("DONE", "FAILED", "LOST", "REJECTED")


@pytest.mark.timeout(120)
def test_at_most_once_in_order_and_truly_told(client: Client, tmp_path: Path) -> None:
    outcome = tortured(client, tmp_path, KEEP)
    assert violations(outcome) == []
    fates = [fate for fates in outcome.fates.values() for fate in fates]
    assert len(fates) == len(outcome.answers) == COMMANDS
    assert 0 < fates.count("LOST") <= KILLS
    assert fates.count("REJECTED") == 0


@pytest.mark.timeout(120)
def test_what_waits_is_rejected_and_never_runs(client: Client, tmp_path: Path) -> None:
    outcome = tortured(client, tmp_path, FLUSH, commands=150, kills=6)
    assert violations(outcome) == []
    assert ["REJECTED"] in outcome.fates.values()


def test_what_never_ran_is_not_lost(client: Client, tmp_path: Path) -> None:
    """The end of the first command is read together with the worker's death."""
    journal = tmp_path / "journal"
    config = one_system(
        "journal:Journal", args=f'path = "{journal}"', restart="delay_s = 0.02"
    )
    with served(config, client) as daemon:
        states = client.monitor(daemon.prefix + "CMD_STATE")
        worker = client.get(daemon.prefix + "WORKER:PID")
        puts = [
            client.start_put(daemon.prefix + "CMD", text)
            for text in ("1 100", "2 0", "3 0")
        ]
        until(lambda: "start 1" in journal.read_text(), "the first to start")
        os.kill(daemon.pid, signal.SIGSTOP)
        until(lambda: "idle" in journal.read_text(), "its end to be reported")
        os.kill(worker, signal.SIGKILL)
        until(lambda: is_dead(worker), "the worker to be dead")
        os.kill(daemon.pid, signal.SIGCONT)
        assert [put.result(10.0) for put in puts] == [True, False, False]
        ends = [state for state in states.values if state in ENDED]
        assert ends == ["DONE", "REJECTED", "REJECTED"]


@pytest.mark.parametrize(
    ("fault", "after_end", "words"),
    [
        ("none", False, ""),
        ("none", True, ""),
        ("always_retry", False, "1 ran 2 times"),
        ("drop_and_say_ok", False, "1 is DONE, but it did not reach its end"),
        ("judge_before_draining", True, "1 is LOST, but its end was reported"),
    ],
    ids=["right", "right_after_the_end", "retry", "say_ok", "judge_too_soon"],
)
def test_the_checker_catches_a_wrong_policy(
    client: Client, tmp_path: Path, fault: str, after_end: bool, words: str
) -> None:
    """One SIGKILL, just where the policy is wrong; and nothing is found in the right
    one."""
    journal = tmp_path / "journal"
    config = config_of(journal, KEEP)
    with served(config, client, command=patched(fault)) as daemon:
        outcome = killed_once(daemon, client, journal, after_end=after_end)
    found = violations(outcome)
    assert len(found) == bool(words), outcome
    assert all(violation.startswith(words) for violation in found), found
