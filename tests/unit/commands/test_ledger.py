"""The ledger: every command ends once, in order, and its end tells the truth."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from sswd.ioc.commands.command import ENDED, Cause, Command, CommandState
from sswd.ioc.commands.ledger import (
    Escalate,
    Instruction,
    Ledger,
    Policy,
    Send,
    Settle,
    Tell,
)
from sswd.pipe.protocol import Failure, Rung

S = CommandState
BAD = Failure("ValueError", "no\nsuch thing", "Traceback ...")


def running(policy: Policy | None = None) -> Ledger:
    ledger = Ledger(policy or Policy())
    ledger.worker_up(0.0)
    return ledger


def settled(instructions: list[Instruction]) -> list[Command]:
    return [i.command for i in instructions if isinstance(i, Settle)]


# -- one by one


def test_one_command():
    ledger = running()
    command, first = ledger.submit("CMD", "x", 1.0)
    assert first == [Send(command), Tell(command)]
    assert (command.id, command.state, command.started_s) == (1, S.RUNNING, 1.0)
    done = ledger.finished(1, None, 3.5)
    assert done == [Tell(command), Settle(command)]
    assert (command.state, command.error) == (S.DONE, "")
    assert command.ran_s(99.0) == 2.5
    assert ledger.running is None


def test_setpoints_run_again_before_what_waits_for_the_worker():
    ledger = Ledger(Policy(timeouts_s={"X": 5.0}))
    waiting, _ = ledger.submit("CMD", "x", 0.0)
    assert ledger.has_waiting("CMD")
    again, first = ledger.reapply("X", 1.5, 1.0)
    assert first == [Send(again), Tell(again)]
    assert ledger.due_s() == 6.0
    assert ledger.finished(again.id, None, 2.0) == [Tell(again), Settle(again)]
    assert ledger.running is None
    assert ledger.worker_up(3.0) == [Send(waiting), Tell(waiting)]
    assert not ledger.has_waiting("CMD")


def test_setpoints_run_again_while_others_are_held():
    ledger = running()
    ledger.hold()
    waiting, told = ledger.submit("CMD", "x", 0.0)
    assert told == [Tell(waiting)]
    again, _ = ledger.reapply("X", 1.5, 1.0)
    assert ledger.finished(again.id, None, 2.0) == [Tell(again), Settle(again)]
    assert ledger.release(3.0) == [Send(waiting), Tell(waiting)]


def test_the_end_of_the_worker_ends_a_hold_and_the_setpoint_that_ran():
    ledger = running()
    ledger.hold()
    again, _ = ledger.reapply("X", 1.5, 0.0)
    assert settled(ledger.worker_gone("it died", 1.0)) == [again]
    assert again.state is S.LOST
    ledger.worker_up(2.0)
    command, _ = ledger.submit("CMD", "x", 3.0)
    assert command.state is S.RUNNING


def test_failures_are_one_line():
    ledger = running()
    command, _ = ledger.submit("CMD", "x", 0.0)
    ledger.finished(1, BAD, 1.0)
    assert (command.state, command.error) == (S.FAILED, "ValueError: no such thing")
    assert command.traceback == "Traceback ..."


def test_one_runs_the_rest_wait_in_order():
    ledger = running()
    commands = [ledger.submit("CMD", i, 0.0)[0] for i in range(4)]
    assert ledger.queued == 3
    for i, command in enumerate(commands):
        assert ledger.running is command
        after = ledger.finished(command.id, None, 1.0)
        assert settled(after) == [command]
        assert after[2:3] == [Send(c) for c in commands[i + 1 : i + 2]]


def test_the_end_is_told_before_the_next_begins():
    ledger = running()
    first, _ = ledger.submit("CMD", 1, 0.0)
    second, _ = ledger.submit("CMD", 2, 0.0)
    assert ledger.finished(first.id, None, 1.0) == [
        Tell(first),
        Settle(first),
        Send(second),
        Tell(second),
    ]


def test_a_full_queue_refuses_in_words():
    ledger = running(Policy(queue=2))
    for i in range(3):
        ledger.submit("CMD", i, 0.0)
    refused, instructions = ledger.submit("CMD", 3, 0.0)
    assert instructions == [Tell(refused), Settle(refused)]
    assert refused.state is S.REJECTED
    assert refused.error == "rejected: queue full: 2 commands wait already"


def test_an_end_of_another_command_is_ignored():
    ledger = running()
    command, _ = ledger.submit("CMD", 1, 0.0)
    assert ledger.finished(7, None, 1.0) == []
    assert ledger.running is command


def test_a_refused_value_never_ran():
    ledger = running()
    command, instructions = ledger.refuse("X", 99.0, "above 20", 0.0)
    assert instructions == [Tell(command), Settle(command)]
    assert (command.state, command.error) == (S.REJECTED, "rejected: above 20")
    assert command.ran_s(5.0) == 0.0


# -- the worker comes and goes


def test_the_very_first_start_queues():
    """On down "reject" means later on; a client may be there before the worker is."""
    ledger = Ledger(Policy())
    command, instructions = ledger.submit("CMD", 1, 0.0)
    assert instructions == [Tell(command)]
    ledger.worker_down("the worker is STARTING")
    waiting, _ = ledger.submit("CMD", 2, 0.0)
    assert waiting.state is S.QUEUED
    assert ledger.worker_up(1.0) == [Send(command), Tell(command)]


def test_a_later_start_counts_as_down():
    ledger = running()
    ledger.worker_gone("it died", 0.0)
    ledger.worker_down("the worker is STARTING")
    command, _ = ledger.submit("CMD", 1, 0.0)
    assert command.state is S.REJECTED
    assert command.error == "rejected: the worker is STARTING"


def test_a_first_start_that_fails_is_over():
    ledger = Ledger(Policy())
    ledger.worker_down("the worker is STARTING")
    waiting, _ = ledger.submit("CMD", 1, 0.0)
    ledger.worker_gone("setup failed", 1.0)
    assert waiting.state is S.REJECTED
    assert ledger.submit("CMD", 2, 1.0)[0].state is S.REJECTED


def test_down_rejects_or_queues():
    for on_down, state in (("reject", S.REJECTED), ("queue", S.QUEUED)):
        ledger = running(Policy(on_down=on_down))
        ledger.worker_down("the worker is STOPPED")
        command, _ = ledger.submit("CMD", 1, 0.0)
        assert command.state is state


@pytest.mark.parametrize(
    ("on_restart", "state"), [("flush", S.REJECTED), ("keep", S.QUEUED)]
)
def test_death_loses_what_ran(on_restart, state):
    ledger = running(Policy(on_restart=on_restart, on_down="queue"))
    first, _ = ledger.submit("CMD", 1, 0.0)
    second, _ = ledger.submit("CMD", 2, 0.0)
    ledger.worker_gone("killed by SIGKILL", 5.0)
    assert (first.state, first.error) == (S.LOST, "lost: killed by SIGKILL")
    assert second.state is state
    if on_restart == "keep":
        assert ledger.worker_up(6.0) == [Send(second), Tell(second)]


@pytest.mark.parametrize("cause", Cause)
def test_death_after_a_cancel_is_not_lost(cause):
    ledger = running(Policy(timeout_s=1.0))
    command, _ = ledger.submit("CMD", 1, 0.0)
    ledger.cancel(cause, 2.0)
    ledger.worker_gone("killed by SIGTERM", 5.0)
    assert command.state is cause.fate
    assert "killed by SIGTERM" in command.error


# -- endings


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("failure", [None, BAD])
def test_the_cause_decides_the_fate(cause, failure):
    ledger = running(Policy(timeout_s=1.0))
    command, _ = ledger.submit("CMD", 1, 0.0)
    told, escalate = ledger.cancel(cause, 2.0)
    assert told == Tell(command)
    assert escalate == Escalate(command, Rung.FLAG)
    assert command.state is S.RUNNING
    assert command.error
    ledger.finished(command.id, failure, 3.0)
    assert command.state is cause.fate


def test_the_first_cause_stays():
    ledger = running()
    command, _ = ledger.submit("CMD", 1, 0.0)
    ledger.cancel(Cause.ABORT, 0.0)
    assert ledger.cancel(Cause.STOP, 0.1) == []
    assert command.cause is Cause.ABORT


def test_the_deadline_begins_when_it_is_sent():
    ledger = running(Policy(timeout_s=10.0, timeouts_s={"FAST": 1.0}))
    ledger.submit("CMD", 1, 0.0)
    fast, _ = ledger.submit("FAST", 2, 0.0)
    assert ledger.due_s() == 10.0
    ledger.finished(1, None, 7.0)
    assert ledger.due_s() == 8.0
    assert ledger.tick(7.9) == []
    assert ledger.tick(8.0) == [Tell(fast), Escalate(fast, Rung.FLAG)]
    assert fast.error == "timeout: not ended within 1 s; asked to end"
    assert fast.state is S.RUNNING
    ledger.finished(2, None, 8.1)
    assert fast.state is S.TIMEOUT


def test_the_ladder():
    ledger = running(Policy(abort_s=(1.0, 2.0, 3.0)))
    command, _ = ledger.submit("CMD", 1, 0.0)
    ledger.cancel(Cause.ABORT, 10.0)
    rungs = [Rung.FLAG]
    while (due_s := ledger.due_s()) is not None:
        assert ledger.tick(due_s - 0.01) == []
        told, escalate = ledger.tick(due_s)
        assert isinstance(escalate, Escalate)
        rungs.append(escalate.rung)
        assert told == Tell(command)
        assert command.error.endswith(f"; now by {escalate.rung.value}")
        assert command.error.count("; now") == 1
    assert rungs == list(Rung)
    assert due_s is None
    assert ledger.tick(1e9) == []


@pytest.mark.parametrize("cause", [Cause.RESTART, Cause.STOP, Cause.SHUTDOWN])
def test_an_orderly_stop_leaves_term_and_kill_to_the_supervisor(cause):
    ledger = running(Policy(abort_s=(1.0, 2.0, 3.0)))
    ledger.submit("CMD", 1, 0.0)
    ledger.cancel(cause, 0.0)
    (_, escalate) = ledger.tick(1.0)
    assert escalate.rung is Rung.EXCEPTION
    assert ledger.due_s() is None


def test_a_newer_setpoint_replaces_the_waiting_one():
    ledger = running(Policy(latest=frozenset({"X"}), queue=2))
    running_one, _ = ledger.submit("X", 1, 0.0)
    older, _ = ledger.submit("X", 2, 0.0)
    other, _ = ledger.submit("CMD", 3, 0.0)
    newer, instructions = ledger.submit("X", 4, 0.0)  # the queue was full
    assert settled(instructions) == [older]
    assert older.error == f"rejected: superseded by command {newer.id}"
    assert running_one.state is S.RUNNING
    assert newer.state is S.QUEUED
    ledger.finished(running_one.id, None, 1.0)
    assert ledger.running is other


# -- any sequence

POLICIES = st.builds(
    Policy,
    queue=st.integers(1, 3),
    timeout_s=st.none() | st.just(2.0),
    on_restart=st.sampled_from(["flush", "keep"]),
    on_down=st.sampled_from(["reject", "queue"]),
    latest=st.sampled_from([frozenset(), frozenset({"X"})]),
    timeouts_s=st.sampled_from([{}, {"X": 1.0}]),
)


class LedgerMachine(RuleBasedStateMachine):
    """Plays clients, worker and clock, and performs the instructions."""

    commands = Bundle("commands")

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.ledger: Any = None
        self.all: list[Command] = []
        self.sent: list[Command] = []
        self.settled: list[Command] = []
        self.told: list[tuple[int, S]] = []
        self.worker_has: Command | None = None
        self.is_up = False

    def perform(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            command = instruction.command
            match instruction:
                case Send():
                    assert self.is_up, "sent to no worker"
                    assert self.worker_has is None, "two at a time"
                    assert command.state is S.RUNNING
                    assert command not in self.sent, "twice"
                    self.sent.append(command)
                    self.worker_has = command
                case Tell():
                    self.told.append((command.id, command.state))
                case Settle():
                    assert command.state in ENDED
                    assert command not in self.settled, "settled twice"
                    assert self.told[-1] == (command.id, command.state), "told first"
                    assert command.ended_s == self.now_s
                    self.settled.append(command)
                case Escalate():
                    assert command is self.worker_has
                    assert command.cause is not None

    @precondition(lambda self: self.ledger is None)
    @rule(policy=POLICIES)
    def begin(self, policy: Policy) -> None:
        self.policy = policy
        self.ledger = Ledger(policy)

    @precondition(lambda self: self.ledger is not None)
    @rule(pv=st.sampled_from(["CMD", "X"]))
    def submit(self, pv: str) -> None:
        command, instructions = self.ledger.submit(pv, None, self.now_s)
        self.all.append(command)
        self.perform(instructions)
        assert command.state in (S.QUEUED, S.RUNNING, S.REJECTED)

    @precondition(lambda self: self.ledger is not None)
    @rule()
    def refuse(self) -> None:
        command, instructions = self.ledger.refuse("X", None, "limits", self.now_s)
        self.all.append(command)
        self.perform(instructions)
        assert command.state is S.REJECTED

    @precondition(lambda self: self.worker_has is not None)
    @rule(failure=st.sampled_from([None, BAD]))
    def finish(self, failure: Failure | None) -> None:
        command, self.worker_has = self.worker_has, None
        assert command is not None
        self.perform(self.ledger.finished(command.id, failure, self.now_s))
        assert command in self.settled
        if command.cause is None:
            assert command.state is (S.DONE if failure is None else S.FAILED)
        else:
            assert command.state is command.cause.fate

    @precondition(lambda self: self.ledger is not None)
    @rule(command_id=st.integers(-1, 30))
    def finish_another(self, command_id: int) -> None:
        if self.worker_has is None or command_id != self.worker_has.id:
            assert self.ledger.finished(command_id, None, self.now_s) == []

    @precondition(lambda self: self.ledger is not None)
    @rule(cause=st.sampled_from(list(Cause)))
    def cancel(self, cause: Cause) -> None:
        if cause is not Cause.DEADLINE:
            self.perform(self.ledger.cancel(cause, self.now_s))

    @precondition(lambda self: self.ledger is not None)
    @rule()
    def flush(self) -> None:
        self.perform(self.ledger.flush("flushed", self.now_s))
        assert self.ledger.queued == 0

    @precondition(lambda self: self.ledger is not None)
    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        for _ in range(10):
            due_s = self.ledger.due_s()
            if due_s is None or due_s > self.now_s:
                assert self.ledger.tick(self.now_s) == []
                return
            self.perform(self.ledger.tick(self.now_s))
        raise AssertionError("the ladder has no end")

    @precondition(lambda self: self.ledger is not None and not self.is_up)
    @rule()
    def worker_starts(self) -> None:
        self.ledger.worker_down("STARTING")

    @precondition(lambda self: self.ledger is not None and not self.is_up)
    @rule()
    def worker_up(self) -> None:
        self.is_up = True
        self.perform(self.ledger.worker_up(self.now_s))

    @precondition(lambda self: self.is_up)
    @rule()
    def worker_down(self) -> None:
        self.ledger.worker_down("STOPPING")
        self.is_up = False

    @precondition(lambda self: self.ledger is not None)
    @rule()
    def worker_gone(self) -> None:
        lost, self.worker_has, self.is_up = self.worker_has, None, False
        self.perform(self.ledger.worker_gone("killed", self.now_s))
        if lost is not None:
            assert lost.state is (S.LOST if lost.cause is None else lost.cause.fate)
        if self.policy.on_restart == "flush":
            assert self.ledger.queued == 0

    @invariant()
    def the_books_agree(self) -> None:
        if self.ledger is None:
            return
        assert [c.id for c in self.all] == list(range(1, len(self.all) + 1))
        assert self.ledger.running is self.worker_has
        assert self.ledger.queued <= self.policy.queue
        waiting = [c for c in self.all if c.state is S.QUEUED]
        assert len(waiting) == self.ledger.queued
        for command in self.all:
            assert (command in self.settled) == (command.state in ENDED)
            assert (command.state is S.REJECTED) <= (command not in self.sent)
            assert (command.state in ENDED - {S.REJECTED}) <= (command in self.sent)
        ids = [c.id for c in self.sent]
        assert ids == sorted(ids), "not in the order of acceptance"
        if self.is_up:
            assert not waiting or self.worker_has is not None, "idle with a queue"


LedgerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestLedger = LedgerMachine.TestCase


# -- the link to the instrument


def test_a_lost_link_rejects_what_waits_and_what_comes():
    ledger = running()
    runs, _ = ledger.submit("CMD", 1, 0.0)
    waits, _ = ledger.submit("CMD", 2, 0.0)
    assert ledger.link_down("no link", "reject", 1.0) == [Tell(waits), Settle(waits)]
    assert waits.error == "rejected: no link"
    assert ledger.running is runs
    assert ledger.submit("CMD", 3, 1.0)[0].error == "rejected: no link"
    assert ledger.link_up(2.0) == []
    assert ledger.submit("CMD", 4, 2.0)[0].state is S.QUEUED


def test_commands_wait_for_a_lost_link():
    ledger = running()
    ledger.link_down("no link", "wait", 0.0)
    command, instructions = ledger.submit("CMD", 1, 0.0)
    assert instructions == [Tell(command)]
    assert ledger.link_up(1.0) == [Send(command), Tell(command)]


def test_commands_run_all_the_same():
    ledger = running()
    ledger.link_down("no link", "run", 0.0)
    command, instructions = ledger.submit("CMD", 1, 0.0)
    assert instructions == [Send(command), Tell(command)]


def test_withdraw_ends_the_commands_of_these_pvs_and_no_others() -> None:
    ledger = Ledger(Policy())
    ledger.worker_up(0.0)
    running, _ = ledger.submit("M.DVAL", 1.0, 0.0)
    waiting, _ = ledger.submit("M.DVAL", 2.0, 0.0)
    other, _ = ledger.submit("CMD", "x", 0.0)
    done = ledger.withdraw(["M.DVAL"], Cause.REPLACED, 1.0)
    assert Settle(waiting) in done
    assert (waiting.state, other.state) == (CommandState.REJECTED, CommandState.QUEUED)
    assert (running.state, running.cause) == (CommandState.RUNNING, Cause.REPLACED)
    assert running.rung_due_s == 2.0
    assert [rung.value for rung in Cause.REPLACED.rungs] == ["flag", "exception"]


@pytest.mark.parametrize("mild", [Cause.MOTOR_STOP, Cause.REPLACED])
def test_an_abort_goes_on_where_the_stop_of_a_motor_failed(mild: Cause) -> None:
    ledger = Ledger(Policy())
    ledger.worker_up(0.0)
    command, _ = ledger.submit("M.DVAL", 1.0, 0.0)
    ledger.withdraw(["M.DVAL"], mild, 0.0)
    assert not ledger.withdraw(["M.DVAL"], Cause.MOTOR_STOP, 0.1)
    assert ledger.cancel(Cause.ABORT, 0.2)
    assert command.cause is Cause.ABORT
    assert not ledger.cancel(Cause.RESTART, 0.3)
