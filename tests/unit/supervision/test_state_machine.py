"""The machine that steps through the lifecycle table: order, story, firewall."""

import logging
from collections.abc import Callable

import pytest

from sswd.ioc.supervision.lifecycle import TABLE, Action, Event, Phase
from sswd.ioc.supervision.state_machine import STORY, StateMachine


class Rig:
    """A machine whose actions are noted, and do what a test wants."""

    def __init__(self) -> None:
        self.did: list[Action | Phase] = []
        self.then: dict[Action, Callable[[], None]] = {}
        perform = {action: self.performer(action) for action in Action}
        self.machine = StateMachine("rig", perform, self.changed)

    def performer(self, action: Action) -> Callable[[], None]:
        def perform() -> None:
            self.did.append(action)
            self.then.get(action, lambda: None)()

        return perform

    def changed(self, before: Phase, _event: Event, after: Phase) -> None:
        assert before is not after or self.machine.phase is after
        self.did.append(after)

    def feed(self, *events: Event) -> None:
        for event in events:
            self.machine.feed(event)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_step_is_told_before_its_actions(rig: Rig) -> None:
    rig.feed(Event.START)
    step = TABLE[Phase.STOPPED][Event.START]
    assert rig.did == [step.to, *step.actions]
    assert rig.machine.phase is Phase.STARTING


def test_events_of_actions_wait_for_the_other_actions(rig: Rig) -> None:
    rig.then[Action.ON_LOST] = lambda: rig.feed(Event.PARKED)
    rig.feed(Event.START, Event.DIED)
    died = TABLE[Phase.STARTING][Event.DIED]
    parked = TABLE[Phase.PARKING][Event.PARKED]
    assert rig.did[-5:] == [died.to, *died.actions, parked.to, *parked.actions]


def test_an_action_that_fails_is_told_and_the_rest_goes_on(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.then[Action.ON_LOST] = lambda: {}["no such key"]
    rig.feed(Event.START, Event.DIED)
    assert rig.did[-1] is Action.PARK
    assert rig.machine.phase is Phase.PARKING
    told = caplog.records[-1]
    assert told.levelno == logging.ERROR
    assert (
        "ON_LOST failed; the steps before: STOPPED + START -> STARTING; "
        in told.message
    )
    assert "KeyError" in caplog.text


def test_what_is_not_in_the_table_is_told_with_the_story(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(STORY):
        rig.feed(Event.START, Event.DIED, Event.PARKED)
    rig.feed(Event.DIED)
    assert rig.machine.phase is Phase.BACKOFF
    [told] = caplog.records
    assert "DIED in BACKOFF is not in the table" in told.message
    assert told.message.count("->") == STORY


def test_what_is_ignored_is_no_error(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.feed(Event.START)
    before = list(rig.did)
    rig.feed(Event.START, Event.RESTART)
    assert rig.did == before
    assert not caplog.records
