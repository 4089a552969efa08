"""What servers send, as values and as lines: text as text, pictures as numbers."""

import argparse
import json
import math
from types import SimpleNamespace

import caproto
import numpy as np
import pytest
from caproto import ChannelType

from sswd.cli import show
from sswd.ioc.client.reading import Reading, plain, read_type, reading

CHAR, DOUBLE, FLOAT, STRING = (
    ChannelType[name] for name in ("CHAR", "DOUBLE", "FLOAT", "STRING")
)


def read(native, data, capacity=1, as_number=False) -> Reading:
    response = SimpleNamespace(
        data=data,
        data_type=caproto.field_types["time"][native],
        metadata=SimpleNamespace(status=3, severity=2, timestamp=1.8e9),
    )
    return reading(native, capacity, response, as_number=as_number, units="mm")


def chars(data: bytes, as_number=False):
    return read(CHAR, np.frombuffer(data, np.uint8), 99, as_number).value


def test_alarm_time_and_units():
    seen = read(DOUBLE, np.array([1.5]))
    assert seen == Reading("DOUBLE", 1.5, "HIHI", "MAJOR", 1.8e9, "mm")


def test_text_is_text_and_a_picture_is_numbers():
    assert chars(b"h\xc3\xa4l\n\0\0") == "häl\n"
    assert chars(b"") == ""
    assert chars(b"text", as_number=True) == [116, 101, 120, 116]
    assert chars(b"pixels\0\1\2") == [112, 105, 120, 101, 108, 115, 0, 1, 2]
    assert chars(b"\xff\xfe") == [255, 254]
    assert chars(b"\x01\x02") == [1, 2]


def test_what_can_hold_several_is_a_list():
    assert read(DOUBLE, np.array([1.5]), 9).value == [1.5]
    assert read(FLOAT, np.array([0.1], np.float32)).value == 0.1
    assert read(STRING, [], 1).value == "", "as an empty lso of EPICS base"
    assert read(STRING, [b"a\0b", b"\xff"], 4).value == ["a", "\\xff"]


def test_enums_are_asked_for_by_name():
    as_name = read_type(ChannelType.ENUM, as_number=False)
    assert as_name == ChannelType.TIME_STRING
    assert read_type(ChannelType.ENUM, as_number=True) == ChannelType.TIME_ENUM


@pytest.mark.parametrize(
    ("value", "at_most", "line"),
    [
        (2.0, None, "2"),
        (1e300, None, "1e+300"),
        (math.nan, None, "nan"),
        ([1, 2.5], None, "[1, 2.5]"),
        (list(range(100)), 3, "[0, 1, 2, ... 97 more]"),
        (["a", "b c"], None, '["a", "b c"]'),
        ([], 10, "[]"),
        ("a\n\x1b[31m", None, "a\\n\\x1b[31m"),
    ],
)
def test_how_a_line_shows_it(value, at_most, line):
    assert plain(value, at_most) == line


def options(**given) -> argparse.Namespace:
    known = {"json": False, "all": False, "terse": False, "long": False}
    return argparse.Namespace(**known | given)


def test_json_holds_what_json_can():
    seen = Reading("DOUBLE", [1.0, math.nan, -math.inf], "NO_ALARM", "NO_ALARM", 1.8e9)
    told = json.loads(show.line("A:B", seen, options(json=True)))
    assert told == {
        "pv": "A:B",
        "value": [1.0, "Nan", "-Infinity"],
        "type": "DOUBLE",
        "severity": "NO_ALARM",
        "status": "NO_ALARM",
        "time": "2027-01-15T08:00:00.000000Z",
    }


def test_long_lines_tell_alarm_units_and_time():
    seen = Reading("DOUBLE", 2.0, "HIHI", "MAJOR", 1.8e9, "mm")
    assert show.line("A:B", seen, options(long=True)).endswith(" 2 mm MAJOR/HIHI")
    never = Reading("LONG", 0, "UDF", "INVALID", 631152000.0)
    words = show.line("A:B", never, options(long=True)).split()
    assert words == ["A:B", "never", "0", "INVALID/UDF"]
