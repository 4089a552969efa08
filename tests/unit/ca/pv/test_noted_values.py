"""What is noted of the values of a put: texts as sent, and their size if cut."""

import pytest
from caproto.server import PVGroup, pvproperty

from sswd.ioc.ca import PutNote
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.put_note import CHARACTERS
from sswd.ioc.ca.pv.noted_values import put_note
from sswd.ioc.pvs.longstring import LongString, decode_text


class Group(PVGroup):
    CMD = pvproperty(value="", dtype=LongString, max_length=1000)


def noted(sent: bytes, before: bytes = b"") -> PutNote:
    """The note of a put of chars to a long string."""
    data = Group(prefix="A:").CMD
    data._data["value"] = decode_text(before)
    wire = protocol.CHAR, len(sent), sent
    return put_note("A:CMD", data, wire, ("10.0.0.7", "desk", "ann"))


def test_old_and_new_texts_that_are_no_utf8_are_told_alike() -> None:
    note = noted(b"\xb5m", before=b"\xb5m")
    assert (note.new, note.old) == (r"\xb5m", r"\xb5m")


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        (b"x" * CHARACTERS, None),
        (b"x" * (CHARACTERS + 1), CHARACTERS + 1),
        (b"short".ljust(900, b"\0"), None),
    ],
)
def test_a_text_that_is_cut_is_noted_with_its_size(
    sent: bytes, size: int | None
) -> None:
    note = noted(sent)
    assert note.new == sent.rstrip(b"\0")[:CHARACTERS].decode()
    assert note.new_size == size
