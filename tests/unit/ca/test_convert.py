"""Values to wire elements."""

import struct

import numpy as np
import pytest

from sswd.ioc.ca import convert, wire


def source(native, *, states=(), precision=0, text=False, encoding="latin-1"):
    return convert.Source(native, encoding, states, precision, text)


@pytest.mark.parametrize(
    ("value", "precision", "expected"),
    [
        (1.5, 0, "2"),
        (0.5, 0, "1"),  # EPICS rounds halves up, Python's format to even
        (2.25, 1, "2.3"),
        (-1.005, 2, "-1.00"),
        (-0.001, 2, "-0.00"),
        (9.999, 2, "10.00"),
        (123456.789, 3, "123456.789"),
        (1e7, 1, "10000000.0"),
        (1.5e7, 1, "15000000.0"),
        (1.5e7, 8, "15000000.000"),
        (1e17, 2, " 1.00e+17"),
        (float("nan"), 2, "nan"),
        (float("-inf"), 2, "     -inf"),  # base pads its exponents to a width
        (1.25, 10, " 1.2500000000e+00"),
    ],
)
def test_double_text(value, precision, expected):
    assert convert.double_text(value, precision) == expected


def test_strings_end_with_a_nul_and_are_cut_between_characters():
    data, count = convert.elements("µ" * 30, source(0, encoding="utf-8"), wire.STRING)
    assert count == 1
    assert len(data) == 40
    assert data == ("µ" * 19).encode() + b"\0\0"


def test_an_enum_is_its_text_or_its_number():
    enum = source(wire.ENUM, states=("off", "on"))
    assert convert.elements("on", enum, wire.ENUM) == (b"\0\1", 1)
    assert convert.elements(1, enum, wire.STRING)[0].startswith(b"on\0")
    assert convert.elements("on", enum, wire.DOUBLE)[0] == struct.pack("!d", 1)
    with pytest.raises(ValueError, match="no state 'nix'"):
        convert.elements("nix", enum, wire.ENUM)


def test_chars_as_strings_are_numbers_but_a_long_string_is_its_text():
    assert convert.elements(b"A", source(wire.CHAR), wire.STRING)[0][:3] == b"65\0"
    long_string = source(wire.CHAR, text=True)
    assert convert.elements("Ab", long_string, wire.STRING)[0][:3] == b"Ab\0"
    assert convert.elements("Ab", long_string, wire.CHAR) == (b"Ab", 2)
    assert convert.elements("", long_string, wire.CHAR) == (b"", 0)


def test_a_read_only_array_of_bytes_is_not_copied():
    array = np.arange(8, dtype=np.uint8)
    array.flags.writeable = False
    buffer, count = convert.array_bytes(array, wire.CHAR)
    assert count == 8
    assert isinstance(buffer, memoryview)
    assert buffer.readonly
    assert np.shares_memory(np.frombuffer(buffer, np.uint8), array)


def test_a_writable_array_is_copied():
    """Its owner may change it while the bytes are being sent."""
    array = np.arange(8, dtype=np.uint8)
    buffer, _ = convert.array_bytes(array, wire.CHAR)
    array[:] = 0
    assert bytes(buffer) == bytes(range(8))


def test_a_native_array_is_swapped_once_into_a_copy():
    array = np.array([1.5, -2.0])
    buffer, count = convert.array_bytes(array, wire.DOUBLE)
    assert (bytes(buffer), count) == (struct.pack("!2d", 1.5, -2.0), 2)
    assert not buffer.readonly


def test_text_without_a_number_has_no_number():
    with pytest.raises(ValueError, match="could not convert"):
        convert.elements("abc", source(wire.STRING), wire.DOUBLE)
    assert convert.elements("0x10", source(wire.STRING), wire.LONG)[0] == b"\0\0\0\x10"


def test_out_of_range_numbers_wrap_as_in_c_without_a_warning():
    data, _ = convert.elements(float("nan"), source(wire.DOUBLE), wire.LONG)
    assert len(data) == 4
    assert convert.elements(70000, source(wire.LONG), wire.SHORT)[0] == struct.pack(
        "!h", 70000 - 65536
    )


def test_bytes_that_are_no_text_survive():
    raw = b"\xff\xfe"
    text = raw.decode("utf-8", "surrogateescape")
    assert convert.encode_text(text, "utf-8") == raw
    assert convert.encode_text("\ud800", "utf-8") == b"?"
    assert convert.encode_text("→", "latin-1") == b"?"
