"""Messages and arrays cross a pipe as they are; what is none of ours is refused."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sswd.errors import ProtocolError
from sswd.pipe.codec import (
    HEADER,
    LARGE,
    LARGE_CREDITS,
    MAX_BODY,
    MAX_HEAD,
    FromSlot,
    MessageDecoder,
    MessageEncoder,
    SlotRef,
    Unsendable,
    credits_of,
    encoded,
    sendable,
)
from sswd.pipe.protocol import (
    Begin,
    Cancel,
    Down,
    Execute,
    Failed,
    Failure,
    Finished,
    Free,
    Grant,
    Loaded,
    Log,
    Message,
    Post,
    Pulse,
    Ready,
    Restore,
    Rung,
    Stop,
    Up,
    Update,
)
from sswd.worker.freeze import freeze


def plain(value: Any) -> Any:
    """RawText arrives as the str that it is."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    return str.__str__(value) if isinstance(value, str) else value


DTYPES = st.one_of(
    hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes()
) | st.just(np.dtype(bool))
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=1, min_side=0, max_side=7))
TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates too
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | TEXTS
    | st.binary(max_size=20)
)
VALUES = SCALARS | ARRAYS | st.lists(TEXTS, min_size=1, max_size=4)
PLAIN = st.text(st.characters(codec="utf-8"), max_size=10)
FAILURES = st.builds(Failure, PLAIN, PLAIN, PLAIN)


def split(buffers: list[Any]) -> tuple[bytes, np.ndarray]:
    raw = b"".join(bytes(b) for b in buffers)
    head_size, body_size = HEADER.unpack_from(raw)
    head = raw[HEADER.size : HEADER.size + head_size]
    body = np.frombuffer(raw[HEADER.size + head_size :], np.uint8).copy()
    assert len(body) == body_size
    return head, body


def across(message: Message, union: Any, from_slot: FromSlot | None = None) -> Any:
    head, body = split(MessageEncoder().encode(message))
    return MessageDecoder(union, from_slot).decode(head, body if len(body) else None)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and a.tobytes() == b.tobytes()
        )
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@given(st.lists(VALUES, max_size=6))
def test_posts_arrive_as_they_were_frozen(values):
    frozen = [freeze(value) for value in values]
    updates = [Update(f"pv{i}", value, 1.5) for i, value in enumerate(frozen)]
    for sent in (Post(updates), Finished(3, None, updates)):
        got = across(sent, Up)
        posts = got.updates if isinstance(got, Post) else got.posts
        for update, sent_one in zip(posts, updates, strict=True):
            value, was = update.value, sent_one.value
            assert (update.pv, update.stamp_s) == (sent_one.pv, 1.5)
            assert same(plain(was), value)


@given(st.integers(), VALUES)
def test_what_is_encoded_beforehand_arrives(number, value):
    ready = encoded(value)
    for _ in range(2):  # an encoder keeps nothing of it
        got = across(Execute(number % 2**31, "CMD", ready), Down)
        assert same(value, got.value)
    got = across(Restore({"x": sendable(value)}), Down)
    assert same(value, got.values["x"])


MESSAGES: list[tuple[Message, Any]] = [
    (Execute(1, "CMD", [1, [2.5, "x"], {"a": None}]), Down),
    (Restore({}), Down),
    (Begin(), Down),
    (Grant(4), Down),
    (Free([1, 2]), Down),
    (Cancel(7, Rung.EXCEPTION), Down),
    (Stop(), Down),
    (Loaded(1, {"X": {"type": "float"}}, [{"name": "v"}], ["X"]), Up),
    (Ready(), Up),
    (Post([]), Up),
    (Finished(1, Failure("ValueError", "no", "Traceback"), []), Up),
    (Pulse(), Up),
    (Log(20, "x", "text", "trace"), Up),
    (Failed("setup", Failure("OSError", "no")), Up),
]


@pytest.mark.parametrize(("message", "union"), MESSAGES, ids=lambda v: repr(v)[:9])
def test_every_message_arrives(message, union):
    assert across(message, union) == message


@pytest.mark.parametrize(("message", "union"), MESSAGES, ids=lambda v: repr(v)[:9])
def test_no_message_goes_the_wrong_way(message, union):
    with pytest.raises(ProtocolError):
        across(message, Up if union is Down else Down)


def test_ctl_messages_are_short_enough_for_a_pipe():
    from sswd.pipe.protocol import CTL_MESSAGE_BYTES

    for message in (Grant(2**31), Cancel(2**62, Rung.EXCEPTION), Free([*range(64)])):
        (frame,) = MessageEncoder().encode(message)
        assert len(frame) <= CTL_MESSAGE_BYTES


def test_several_arrays_keep_their_places():
    arrays = [np.arange(n, dtype=t) for n, t in [(3, "u1"), (0, "f8"), (2, "f4")]]
    got = across(Post([("x", a, 0.0) for a in arrays]), Up)
    for sent, update in zip(arrays, got.updates, strict=True):
        value = update.value
        assert same(sent, value)
        assert not value.flags.writeable


def test_a_message_without_a_body_after_one_with():
    decoder: MessageDecoder[Any] = MessageDecoder(Up)
    head, body = split(MessageEncoder().encode(Post([("x", np.arange(3.0), 0.0)])))
    decoder.decode(head, body)
    with pytest.raises(ProtocolError, match="longer than"):
        decoder.decode(head)


def test_not_contiguous_and_foreign_byte_order():
    array = np.arange(12, dtype=">i4").reshape(3, 4)[:, ::2]
    got = across(Post([("x", array, 0.0)]), Up)
    value = got.updates[0].value
    assert value.dtype == np.dtype(">i4")
    assert (value == array).all()


def test_an_encoder_survives_what_it_cannot_encode():
    encoder = MessageEncoder()
    array = np.arange(3.0)
    with pytest.raises(NotImplementedError):
        encoder.encode(Post([("x", array, 0.0), ("y", object(), 0.0)]))
    head, body = split(encoder.encode(Post([("x", array, 0.0)])))
    assert len(body) == array.nbytes
    assert same(MessageDecoder(Up).decode(head, body).updates[0].value, array)


# -- none of ours


def ext_frame(code: int, data: bytes) -> bytes:
    """A Post whose only value is this extension."""
    return msgspec.msgpack.encode(
        ["Post", [["x", msgspec.msgpack.Ext(code, data), 0.0]]]
    )


def array_of(dtype: str, shape: tuple[int, ...]) -> bytes:
    return ext_frame(1, msgspec.msgpack.encode((dtype, shape)))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xc1",
        b"\xff" * 20,
        msgspec.msgpack.encode(["Nonsense"]),
        msgspec.msgpack.encode(["Post"]),
        msgspec.msgpack.encode(["Post", [["x", 1]]]),
        msgspec.msgpack.encode(["Ready"]) + b"\0",
        b"\x92\xa4Post" + b"\x91" * 100_000 + b"\xc0",  # nested as deep as that
        ext_frame(99, b""),
        ext_frame(1, b"\xc1"),
        array_of("O", (1,)),
        array_of("V8", (1,)),
        array_of("U4", (1,)),
        array_of("c16", (1,)),
        array_of("i4,i4", (1,)),
        array_of("nonsense", (1,)),
        array_of("f8", (2,)),  # longer than the body
        array_of("f8", (-1,)),
        array_of("f8", (-2, -2)),
        array_of("f8", (2**62, 4)),
        ext_frame(3, msgspec.msgpack.encode((0, "f8", (1,)))),  # no shared memory here
    ],
)
def test_other_bytes_are_refused(head):
    with pytest.raises(ProtocolError):
        MessageDecoder(Up).decode(head, np.zeros(8, np.uint8))


@given(st.binary(max_size=60), st.sampled_from([Up, Down]))
def test_random_bytes_are_refused(head, union):
    try:
        MessageDecoder(union).decode(head, np.zeros(16, np.uint8))
    except ProtocolError:
        return
    # One in a million is a message.


@given(st.data())
def test_damaged_messages_are_refused_or_messages(data):
    head, body = split(
        MessageEncoder().encode(Post([("x", np.arange(3.0), 0.0), ("y", "text", 1.0)]))
    )
    at = data.draw(st.integers(0, len(head) - 1))
    damaged = bytearray(head)
    damaged[at] = data.draw(st.integers(0, 255))
    try:
        got = MessageDecoder(Up).decode(bytes(damaged), body)
    except ProtocolError:
        return
    assert isinstance(got, Message)


def test_a_slot_is_asked_for_and_may_be_refused():
    ref = SlotRef(3, "<f8", (2,))
    array = np.arange(2.0)
    got = across(Post([("x", ref, 0.0)]), Up, lambda _: array)
    assert got.updates[0].value is array

    def none(_: SlotRef) -> Any:
        raise ValueError("no such slot")

    with pytest.raises(ProtocolError, match="no such slot"):
        across(Post([("x", ref, 0.0)]), Up, none)


# -- credits and limits


def test_credits():
    small, large = np.zeros(LARGE - 1, np.uint8), np.zeros(LARGE, np.uint8)
    assert credits_of([]) == 1
    assert credits_of([1.0, "x", small]) == 1
    assert credits_of([1.0, large]) == LARGE_CREDITS
    assert credits_of([SlotRef(0, "<f8", (LARGE,))]) == LARGE_CREDITS


def test_limits_fit_the_header():
    assert max(MAX_HEAD, MAX_BODY) < 2**32


def test_unsendable_is_a_value():
    assert Unsendable("a") == Unsendable("a") != Unsendable("b")
    assert len({Unsendable("a"), Unsendable("a")}) == 1
    got = across(Post([("x", Unsendable("object of type X"), 0.0)]), Up)
    assert got.updates[0].value == Unsendable("object of type X")
