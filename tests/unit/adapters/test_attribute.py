"""Attributes of drivers, and the PVs that they become."""

import pytest

from sswd.adapters.attribute import (
    Attribute,
    attribute_name,
    pv_keys,
    pv_name,
    with_choice,
    with_limits,
)
from sswd.config import pv_from_dict

GUESS = Attribute("x", writable=True)


@pytest.mark.parametrize(
    ("name", "pv"),
    [("voltage", "VOLTAGE"), ("ch_1.voltage", "CH_1:VOLTAGE"), ("cmd", "CMD_")],
)
def test_a_pv_is_named_as_its_attribute_but_for_the_template(name: str, pv: str):
    assert pv_name(Attribute(name)) == pv


def test_the_name_leads_back() -> None:
    assert attribute_name("CH_1:VOLTAGE") == "ch_1.voltage"


@pytest.mark.parametrize(
    ("choices", "kind", "strings"),
    [
        ((True, False), "bool", ()),
        (("on", "off"), "enum", ("on", "off")),
        ((1, 2, 4), "int", ()),
        ((0.1, 1), "float", ()),
        (tuple(f"s{n}" for n in range(17)), "str", ()),  # Channel Access has 16 states
        (("x" * 26, "y"), "str", ()),  # of 25 bytes
        (("a", "A", "a"), "str", ()),
    ],
)
def test_choices(choices: tuple, kind: str, strings: tuple) -> None:
    found = with_choice(GUESS._replace(type=""), choices)
    assert (found.type, found.strings) == (kind, strings)
    assert not found.is_guess


def test_numbers_to_choose_from_are_limits() -> None:
    assert with_choice(GUESS, (4, 1, 2)).limits == (1.0, 4.0)


@pytest.mark.parametrize(
    ("ends", "limits"),
    [
        ((0, 5), (0.0, 5.0)),
        ((5, 5), None),
        ((float("-inf"), 5), None),
        ((0, float("nan")), None),
    ],
)
def test_limits(ends: tuple, limits: tuple | None) -> None:
    assert with_limits(GUESS, *ends).limits == limits


def test_an_int_grows_with_its_limits() -> None:
    assert with_limits(GUESS._replace(type="int"), 0, 2**40).type == "int64"


@pytest.mark.parametrize(
    "attribute",
    [
        GUESS._replace(units="V", limits=(0.0, 5.0), about="a voltage"),
        GUESS._replace(type="str", units="V"),
        GUESS._replace(units="a unit that is too long"),
        with_choice(GUESS, ("a", "b")),
        Attribute("reset", "action", readable=False),
        GUESS._replace(length=10),
    ],
)
def test_the_keys_are_those_of_the_configuration(attribute: Attribute) -> None:
    assert pv_from_dict("X", pv_keys(attribute), "test").type == attribute.type
