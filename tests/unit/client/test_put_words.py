"""Words of a command line as elements: what is meant is put, the rest refused."""

import math

import pytest
from caproto import ChannelType

from sswd.errors import PutFailed
from sswd.ioc.client.ask import system_prefixes
from sswd.ioc.client.put_words import elements

STRING, INT, FLOAT, ENUM = (ChannelType[n] for n in ("STRING", "INT", "FLOAT", "ENUM"))
CHAR, LONG, DOUBLE = (ChannelType[n] for n in ("CHAR", "LONG", "DOUBLE"))
STATES = ("slow", "fast", "7")


@pytest.mark.parametrize(
    ("native", "capacity", "words", "wanted"),
    [
        (DOUBLE, 1, ["2.5"], [2.5]),
        (DOUBLE, 1, ["-1e3"], [-1000.0]),
        (DOUBLE, 1, ["0x10"], [16.0]),
        (FLOAT, 1, ["inf"], [math.inf]),
        (DOUBLE, 9, ["1", "2.5"], [1.0, 2.5]),
        (DOUBLE, 9, ["[1, 2.5]"], [1.0, 2.5]),
        (DOUBLE, 9, ["[]"], []),
        (LONG, 1, ["0x10"], [16]),
        (LONG, 1, ["3.0"], [3]),
        (INT, 1, ["-32768"], [-32768]),
        (ENUM, 1, ["fast"], [1]),
        (ENUM, 1, ["0"], [0]),
        (ENUM, 1, ["7"], [2]),  # a state's name comes first
        (STRING, 1, ["two words"], [b"two words"]),
        (STRING, 3, ["a", "b"], [b"a", b"b"]),
        (STRING, 3, ['["a", "b"]'], [b"a", b"b"]),
        (STRING, 1, ["[1]"], [b"[1]"]),
        (CHAR, 9, ["text"], b"text\0"),
        (CHAR, 4, ["text"], b"text"),
        (CHAR, 9, ["[1]"], b"[1]\0"),  # a command may look so
        (CHAR, 9, ["3", "255"], [3, 255]),
        (CHAR, 1, ["3"], [3]),
    ],
)
def test_what_is_put(native, capacity, words, wanted):
    assert elements(native, capacity, words, states=STATES) == (native, wanted)


@pytest.mark.parametrize(
    ("native", "word"),
    [(INT, "40000"), (LONG, "4000000000"), (CHAR, "-5")],
)
def test_what_the_size_cannot_hold_is_for_the_server_to_judge(native, word):
    """An unsigned PV is served as the signed type of its size."""
    assert elements(native, 1, [word]) == (STRING, [word.encode()])


def test_numbers_instead_of_names_and_texts():
    assert elements(ENUM, 1, ["7"], states=STATES, as_number=True) == (ENUM, [7])
    assert elements(CHAR, 9, ["7"], as_number=True) == (CHAR, [7])


@pytest.mark.parametrize(
    ("native", "capacity", "words", "told"),
    [
        (DOUBLE, 1, ["7 apples"], "'7 apples' is not a number"),
        (LONG, 1, ["3.5"], "'3.5' is not an integer"),
        (LONG, 1, ["nan"], "'nan' is not an integer"),
        (DOUBLE, 1, ["1", "2"], "2 values do not fit into 1"),
        (DOUBLE, 9, ["[1,"], "is no JSON array"),
        (STRING, 1, ["a", "b"], "quote a text of several words"),
        (STRING, 1, ["x" * 40], "40 bytes do not fit into a string of 39"),
        (CHAR, 4, ["texts"], "a text of 5 bytes does not fit into 4"),
        (CHAR, 99, ["move", "10"], "quote a text of several words"),
        (ENUM, 1, ["Fast"], "there is no state 'Fast', only slow, fast, 7"),
    ],
)
def test_what_is_refused_in_words(native, capacity, words, told):
    with pytest.raises(PutFailed, match=told.replace("'[", r"'\[")):
        elements(native, capacity, words, states=STATES)


def test_where_a_failed_put_is_explained():
    prefixes = list(system_prefixes("LAB:STAGE:AXIS:X.VAL"))
    assert prefixes == ["LAB:STAGE:AXIS:", "LAB:STAGE:", "LAB:"]
    assert list(system_prefixes("PLAIN")) == []
