"""When a step counts as done although its command has not ended yet."""

import pytest

from sswd.ioc.system.stepping import has_stepped
from sswd.sequence.step_pvs import INDEX, INDEX_RBV, READY

STATES = ("NOT READY", "READY")


@pytest.mark.parametrize(
    ("pv", "value", "told", "is_done"),
    [
        (INDEX, 7, {READY: "READY", INDEX_RBV: 7}, True),
        (INDEX, 7, {READY: 1, INDEX_RBV: 7}, True),
        (INDEX, 7, {READY: "NOT READY", INDEX_RBV: 7}, False),
        (INDEX, 7, {READY: 0, INDEX_RBV: 7}, False),
        (INDEX, 7, {READY: "READY", INDEX_RBV: 6}, False),  # READY of the step before
        ("CMD", 7, {READY: "READY", INDEX_RBV: 7}, False),
        (INDEX, 7, {READY: "READY"}, False),
        (INDEX, 7, {}, False),  # a system that is not stepped
    ],
)
def test_a_step_is_done_when_ready_and_its_count_are_published(
    pv, value, told, is_done
):
    assert has_stepped(pv, value, told, STATES) is is_done


def test_the_word_for_not_ready_is_the_first_of_the_two_strings():
    told = {READY: "no", INDEX_RBV: 1}
    assert not has_stepped(INDEX, 1, told, ("no", "yes"))
    assert has_stepped(INDEX, 1, told, ("nope", "yes"))
