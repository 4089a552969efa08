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
from torture import ENDED, Outcome, Torture, is_dead, violations

pytestmark = pytest.mark.row(40)

COMMANDS, KILLS = 400, 15
SEED = 40
KEEP = 'queue = 64\non_restart = "keep"\non_down = "queue"'
FLUSH = 'queue = 64\non_restart = "flush"\non_down = "reject"'


def tortured(
    client: Client,
    folder: Path,
    policy: str,
    *,
    commands: int = COMMANDS,
    kills: int = KILLS,
    fault: str = "none",
) -> Outcome:
    """A daemon's fate under SIGKILLs; `fault` is one of patched.py."""
    journal = folder / "journal"
    config = one_system(
        "journal:Journal",
        args=f'path = "{journal}"',
        command=policy,
        restart="delay_s = 0.02\nmax_delay_s = 0.02",
    )
    with served(config, client, command=patched(fault)) as daemon:
        torture = Torture(daemon, client, journal)
        outcome = torture.run(commands, kills, SEED, waits_for_worker=policy is FLUSH)
        assert torture.kills == kills
    told = {fate: sum(f == [fate] for f in outcome.fates.values()) for fate in FATES}
    print(f"{fault}: {commands} commands, {kills} kills: {told}")
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("always_retry", "ran 2 times"),
        ("drop_and_say_ok", "did not reach its end"),
        ("judge_before_draining", "its end was reported"),
    ],
)
def test_the_checker_catches_a_wrong_policy(
    client: Client, tmp_path: Path, fault: str, words: str
) -> None:
    """Whether a kill hits the moment at which the policy is wrong is chance, so there
    may be five rounds."""
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = tortured(client, folder, KEEP, commands=100, kills=6, fault=fault)
        if any(words in violation for violation in violations(outcome)):
            return
    pytest.fail(f"not caught in five rounds: {outcome}")
