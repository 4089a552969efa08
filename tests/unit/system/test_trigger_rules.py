"""What becomes of each value of a master's PV: every trigger is counted once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.ioc.system.trigger_rules import Put, TriggerRules

BUSY = "command 7 INDEX 2 runs"


def counts(triggers: TriggerRules) -> tuple[int, int, int, int]:
    return triggers.seen, triggers.executed, triggers.failed, triggers.missed


@pytest.mark.parametrize(
    ("value", "index"),
    [
        (b"{'stage': 3, 'laser': 0}", 3),
        (b"{'stage': 3}\0\0rest of an older text", 3),
        ('{"stage": 4}', 4),
        (b"{b'stage': np.int64(5)}", 5),
        (6, 6),
        (7.0, 7),
        (b"8", 8),
    ],
)
def test_a_change_that_names_the_system_is_a_put(value, index) -> None:
    triggers = TriggerRules("stage", "missed")
    assert triggers.changed(value, None) == Put(index, index)
    assert (triggers.index, counts(triggers)) == (index, (1, 0, 0, 0))
    triggers.ended(Put(index, index), None, ran=True)
    assert counts(triggers) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    "value", [b"{'laser': 0}", b"{}", b"", b"  ", b"\0{'stage': 1}"]
)
def test_a_trigger_for_others_is_not_counted(value) -> None:
    triggers = TriggerRules("stage", "missed")
    assert triggers.changed(value, BUSY) is None
    assert triggers.changed(value, None) is None
    assert counts(triggers) == (0, 0, 0, 0)
    assert triggers.error == ""


@pytest.mark.parametrize("value", [b"{'stage': -1}", b"soon", 0.5, "an array of 3"])
def test_what_cannot_be_read_is_missed_in_words(value) -> None:
    triggers = TriggerRules("stage", "queue")
    assert triggers.changed(value, None) is None
    assert counts(triggers) == (1, 0, 0, 1)
    assert triggers.error.startswith("a trigger missed: ")


def test_while_a_command_runs_it_is_missed_or_waits_by_policy() -> None:
    missing, queueing = TriggerRules("stage", "missed"), TriggerRules("stage", "queue")
    assert missing.changed(5, BUSY) is None
    assert (counts(missing), missing.error) == ((1, 0, 0, 1), f"5 missed: {BUSY}")
    assert queueing.changed(5, BUSY) == Put(5, 5)
    assert counts(queueing) == (1, 0, 0, 0)
    queueing.ended(Put(5, 5), "rejected: the queue is full", ran=False)
    assert counts(queueing) == (1, 0, 0, 1)
    assert queueing.error == "5 missed: rejected: the queue is full"


def test_a_step_that_fails_is_told() -> None:
    triggers = TriggerRules("stage", "missed")
    triggers.ended(triggers.changed(4, None), "lost: the worker died", ran=True)
    assert (counts(triggers), triggers.error) == (
        (1, 0, 1, 0),
        "4: lost: the worker died",
    )


def test_the_same_value_again_is_a_trigger_again() -> None:
    triggers = TriggerRules("stage", "missed")
    assert triggers.changed(b"{'stage': 1}", None) == Put(1, 1)
    assert triggers.changed(b"{'stage': 1}", None) == Put(1, 1)


def test_what_is_found_at_connecting_is_no_trigger() -> None:
    triggers = TriggerRules("stage", "queue")
    assert triggers.found(9, None) is None
    assert triggers.found(9, None) is None
    assert counts(triggers) == (0, 0, 0, 0)
    assert triggers.changed(10, None) == Put(10, 10)


def test_what_changed_while_the_master_was_away_is_missed_in_words() -> None:
    triggers = TriggerRules("stage", "queue")
    triggers.found(9, None)
    assert triggers.found(12, None) is None
    assert counts(triggers) == (1, 0, 0, 1)
    assert "12 missed: came while the master's PV was not connected" in triggers.error
    assert triggers.found(b"{'laser': 1}", None) is None
    assert counts(triggers) == (1, 0, 0, 1)


def test_at_connect_it_is_one() -> None:
    triggers = TriggerRules("stage", "missed", at_connect=True)
    assert triggers.found(9, None) == Put(9, 9)
    assert triggers.found(9, BUSY) is None
    assert counts(triggers) == (2, 0, 0, 1)


def test_old_systems_get_the_whole_text() -> None:
    triggers = TriggerRules("test.server", "missed", whole=True)
    text = "{'test.server': 3, 'other': 1}"
    assert triggers.changed(text.encode() + b"\0", None) == Put(text, 3)


VALUES = st.one_of(
    st.integers(-2, 2**31),
    st.floats(),
    st.binary(max_size=30),
    st.sampled_from([b"{'stage': 3}", b"{'laser': 3}", b"{'stage': 3, 'laser': 1}"]),
)
FATES = st.sampled_from([(None, True), ("failed", True), ("rejected", False)])


@given(
    st.lists(st.tuples(VALUES, st.booleans(), st.booleans(), FATES)),
    st.sampled_from(["missed", "queue"]),
    st.booleans(),
)
def test_every_trigger_has_one_fate(events, busy, at_connect) -> None:
    triggers = TriggerRules("stage", busy, at_connect=at_connect)
    for value, is_first, is_busy, (failure, ran) in events:
        decide = triggers.found if is_first else triggers.changed
        put = decide(value, BUSY if is_busy else None)
        if put is not None:
            triggers.ended(put, failure, ran=ran)
        seen, executed, failed, missed = counts(triggers)
        assert seen == executed + failed + missed
