"""Which attributes of a driver are PVs."""

import pytest

from sswd.adapters.attribute import Attribute
from sswd.adapters.choosing import choose
from sswd.errors import LoadError
from sswd.pipe.worker_spec import WrappedPv

KNOWN = [
    Attribute("voltage", writable=True),
    Attribute("ch_1.current"),
    Attribute("reset", "action", readable=False),
]


def test_without_a_choice_all_but_the_actions_are_served() -> None:
    found = choose({}, KNOWN, serves_all=False)
    assert list(found) == ["VOLTAGE", "CH_1:CURRENT"]


def test_a_choice_leaves_the_others_out() -> None:
    named = {"V": WrappedPv(attribute="voltage", has_readback=True, poll_s=1.0)}
    found = choose(named, KNOWN, serves_all=False)
    assert list(found) == ["V"]
    assert (found["V"].posted, found["V"].poll_s) == ("V_RBV", 1.0)


def test_a_pv_may_name_its_attribute() -> None:
    named = {"CH_1:CURRENT": WrappedPv(), "RESET": WrappedPv(type="action")}
    found = choose(named, KNOWN, serves_all=False)
    assert [s.attribute.name for s in found.values()] == ["ch_1.current", "reset"]


def test_of_a_file_all_is_served_and_the_configuration_wins() -> None:
    named = {"VOLTAGE": WrappedPv(type="float32")}
    found = choose(named, KNOWN, serves_all=True)
    assert list(found) == ["VOLTAGE", "CH_1:CURRENT", "RESET"]
    assert found["VOLTAGE"].type == "float32"


@pytest.mark.parametrize(
    ("pv", "words"),
    [
        (WrappedPv(attribute="voltag"), "did you mean 'voltage'"),
        (WrappedPv(attribute="reset", type="action", poll_s=1.0), "cannot read"),
        (WrappedPv(attribute="ch_1.current", is_writable=True), "cannot write"),
    ],
)
def test_what_the_driver_cannot_do_is_refused(pv: WrappedPv, words: str) -> None:
    with pytest.raises(LoadError, match=words):
        choose({"X": pv}, KNOWN, serves_all=False)
