"""Values to wire elements."""

import struct

import numpy as np
import pytest

from sswd.ioc.ca.codec import dbr_elements, protocol


def source(native, *, states=(), precision=0, text=False, encoding="latin-1"):
    return dbr_elements.Source(native, encoding, states, precision, text)


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
    assert dbr_elements.double_text(value, precision) == expected


def test_strings_end_with_a_nul_and_are_cut_between_characters():
    data, count = dbr_elements.elements(
        "µ" * 30, source(0, encoding="utf-8"), protocol.STRING
    )
    assert count == 1
    assert len(data) == 40
    assert data == ("µ" * 19).encode() + b"\0\0"


def test_an_enum_is_its_text_or_its_number():
    enum = source(protocol.ENUM, states=("off", "on"))
    assert dbr_elements.elements("on", enum, protocol.ENUM) == (b"\0\1", 1)
    assert dbr_elements.elements(1, enum, protocol.STRING)[0].startswith(b"on\0")
    assert dbr_elements.elements("on", enum, protocol.DOUBLE)[0] == struct.pack("!d", 1)
    with pytest.raises(ValueError, match="no state 'nix'"):
        dbr_elements.elements("nix", enum, protocol.ENUM)


def test_chars_as_strings_are_numbers_but_a_long_string_is_its_text():
    assert (
        dbr_elements.elements(b"A", source(protocol.CHAR), protocol.STRING)[0][:3]
        == b"65\0"
    )
    long_string = source(protocol.CHAR, text=True)
    assert dbr_elements.elements("Ab", long_string, protocol.STRING)[0][:3] == b"Ab\0"
    assert dbr_elements.elements("Ab", long_string, protocol.CHAR) == (b"Ab", 2)
    assert dbr_elements.elements("", long_string, protocol.CHAR) == (b"", 0)


def test_a_read_only_array_of_bytes_is_not_copied():
    array = np.arange(8, dtype=np.uint8)
    array.flags.writeable = False
    buffer, count = dbr_elements.array_bytes(array, protocol.CHAR)
    assert count == 8
    assert isinstance(buffer, memoryview)
    assert buffer.readonly
    assert np.shares_memory(np.frombuffer(buffer, np.uint8), array)


def test_a_writable_array_is_copied():
    """Its owner may change it while the bytes are being sent."""
    array = np.arange(8, dtype=np.uint8)
    buffer, _ = dbr_elements.array_bytes(array, protocol.CHAR)
    array[:] = 0
    assert bytes(buffer) == bytes(range(8))


def test_a_native_array_is_swapped_once_into_a_copy():
    array = np.array([1.5, -2.0])
    buffer, count = dbr_elements.array_bytes(array, protocol.DOUBLE)
    assert (bytes(buffer), count) == (struct.pack("!2d", 1.5, -2.0), 2)
    assert not buffer.readonly


def test_text_without_a_number_has_no_number():
    with pytest.raises(ValueError, match="could not convert"):
        dbr_elements.elements("abc", source(protocol.STRING), protocol.DOUBLE)
    assert (
        dbr_elements.elements("0x10", source(protocol.STRING), protocol.LONG)[0]
        == b"\0\0\0\x10"
    )


def test_out_of_range_numbers_wrap_as_in_c_without_a_warning():
    data, _ = dbr_elements.elements(
        float("nan"), source(protocol.DOUBLE), protocol.LONG
    )
    assert len(data) == 4
    assert dbr_elements.elements(70000, source(protocol.LONG), protocol.SHORT)[
        0
    ] == struct.pack("!h", 70000 - 65536)


def test_bytes_that_are_no_text_survive():
    raw = b"\xff\xfe"
    text = raw.decode("utf-8", "surrogateescape")
    assert dbr_elements.encode_text(text, "utf-8") == raw
    assert dbr_elements.encode_text("\ud800", "utf-8") == b"?"
    assert dbr_elements.encode_text("→", "latin-1") == b"?"
