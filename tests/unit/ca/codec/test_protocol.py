"""Headers and sizes against caproto's own definitions."""

import ctypes

import caproto
import pytest

from sswd.ioc.ca.codec import protocol


def test_header_is_short_when_it_can_be():
    assert protocol.header(15, 8, 6, 1, 1, 7) == bytes.fromhex(
        "000f0008000600010000000100000007"
    )


@pytest.mark.parametrize(("size", "count"), [(0xFFFF, 1), (0, 0xFFFF), (80000, 10000)])
def test_header_is_extended_for_size_or_count(size, count):
    """Also without payload: else a client waits for ever for its WRITE_NOTIFY."""
    header = protocol.header(19, size, 6, count, 1, 7)
    assert len(header) == 24
    assert header[2:4] == b"\xff\xff"
    assert protocol.EXTENSION.unpack_from(header, 16) == (size, count)


@pytest.mark.parametrize(
    "name",
    [
        "NORMAL",
        "ALLOCMEM",
        "TOLARGE",
        "BADTYPE",
        "INTERNAL",
        "GETFAIL",
        "PUTFAIL",
        "BADMONID",
        "DEFUNCT",
        "NORDACCESS",
        "NOWTACCESS",
    ],
)
def test_status_codes(name):
    status = caproto.CAStatus[f"ECA_{name}"].value.code_with_severity
    assert getattr(protocol, name) == status


@pytest.mark.parametrize("dtype", range(7, 35))
def test_value_offsets(dtype):
    if dtype % 7 == 0 and dtype >= protocol.GR:
        return  # caproto has its own idea of GR and CTRL strings; base has STS
    struct = caproto.DBR_TYPES[caproto.ChannelType(dtype)]
    assert protocol.VALUE_OFFSET[dtype] == ctypes.sizeof(struct)


def test_error_message_is_aligned_and_repeats_the_request():
    head = protocol.HEADER.pack(4, 8, 5, 1, 3, 9)
    message = protocol.error_message(head, 101, protocol.PUTFAIL, "no")
    assert message[:16] == protocol.HEADER.pack(
        protocol.ERROR, 24, 0, 0, 101, protocol.PUTFAIL
    )
    assert message[16:32] == head
    assert message[32:35] == b"no\0"
    assert len(message) % 8 == 0


def test_text_of_any_bytes():
    assert protocol.text_of(b"a\xffb\0rest") == "a\xffb"
