"""Whatever a worker sends: messages of bounded fields, or one error in words."""

import gc
import os
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sswd.alarm import Alarm
from sswd.errors import ProtocolError
from sswd.pipe.codec import HEADER, MessageDecoder, MessageEncoder
from sswd.pipe.framing import FrameLimits, FrameReader
from sswd.pipe.limits import MAX_UP_HEAD, array_bytes, frame_limits, largest
from sswd.pipe.protocol import (
    MAX_ARRAY,
    MAX_UPDATES,
    PROTOCOL,
    Failed,
    Failure,
    Finished,
    Loaded,
    Log,
    Message,
    Post,
    Pulse,
    Ready,
    Up,
    Update,
)

MESSAGES: list[Message] = [
    Loaded(PROTOCOL, {"X": {"type": "float"}}, [["move", []]], ["X"], ["w"], ["X"]),
    Ready(),
    Pulse(),
    Log(20, "x.y", "words", "trace"),
    Failed("setup", Failure("RuntimeError", "words", "trace")),
    Finished(3, None, [Update("X", 1.5, 1.0)]),
    Finished(4, Failure("Aborted", "words"), []),
    Post(
        [
            Update("X", np.arange(3.0), 1.7e9, Alarm(2, 3, "words")),
            Update("Y", ["a", "b"], 0.0, None, keeps_value=True),
            Update("Z", b"abc", 0.0),
        ]
    ),
]
FRAMES = [b"".join(MessageEncoder().encode(message)) for message in MESSAGES]


def read_all(data: bytes, limits: FrameLimits) -> tuple[list[Message], str, bool]:
    """(messages, words of the error, whether a part is left) of these bytes."""
    out, into = os.pipe2(os.O_NONBLOCK)
    try:
        os.write(into, data)
        reader: FrameReader[Any] = FrameReader(out, MessageDecoder(Up), limits)
        found: list[Message] = []
        while True:
            try:
                found += reader.read()
            except ProtocolError as ex:
                return found, str(ex), reader.has_part
            if reader.found_nothing:
                return found, "", reader.has_part
    finally:
        os.close(out)
        os.close(into)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A valid frame, or a few, with bytes changed, cut out or put in."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(FRAMES), min_size=1))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        kind = draw(st.sampled_from(["set", "cut", "put"]))
        if kind == "set" and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        else:
            data[at:at] = draw(st.binary(min_size=1, max_size=20))
    return bytes(data)[:60_000]


@settings(max_examples=500, deadline=None)
@given(mutations())
def test_any_mutation_is_messages_a_part_or_an_error(data: bytes) -> None:
    messages, words, _ = read_all(data, frame_limits(largest(0, [])))
    assert all(isinstance(message, Message) for message in messages)
    assert len(words) < 1000


@pytest.mark.timing
def test_no_mutation_takes_memory_or_time() -> None:
    limits = frame_limits(largest(0, []))
    slowest_s = 0.0
    for damaged in damages():
        begun_s = time.thread_time()  # what it computes, whoever else does
        read_all(damaged, limits)
        slowest_s = max(slowest_s, time.thread_time() - begun_s)
    assert slowest_s < 0.25
    tracemalloc.start()  # slows all down tenfold
    try:
        for damaged in damages():
            read_all(damaged, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20


def damages() -> Iterator[bytes]:
    """Every frame with one byte of its beginning changed."""
    for frame in FRAMES:
        for at in range(min(len(frame), 120)):
            for byte in (0, 0x7F, 0xDB, 0xDD, 0xFF):
                yield frame[:at] + bytes([byte]) + frame[at + 1 :]


def test_the_garbage_collector_waits_for_a_long_message() -> None:
    """It went through half a million lists again and again: 0.4 s instead of 0.1 s."""
    verbs = [["v", [["a", "b"]] * 10]] * 60_000
    head = msgspec.msgpack.encode(["Loaded", PROTOCOL, {}, verbs])
    seen: list[str] = []

    def note(phase: str, _info: Any) -> None:
        seen.append(phase)

    decoder: MessageDecoder[Any] = MessageDecoder(Up)
    gc.callbacks.append(note)
    try:
        decoder.decode(head)
    finally:
        gc.callbacks.remove(note)
    assert gc.isenabled()
    assert len(seen) < 10


@pytest.mark.parametrize(("count", "kept"), [(3, "\udc80"), (1_000_000, "\ufffd")])
def test_surrogates_cost_little(count: int, kept: str) -> None:
    """A million of them took 0.35 s."""
    text = msgspec.msgpack.Ext(4, b"\xed\xb2\x80" * count)
    head = msgspec.msgpack.encode(["Post", [["x", text, 0.0]]])
    decoder: MessageDecoder[Any] = MessageDecoder(Up)
    assert set(decoder.decode(head).updates[0].value) == {kept}


@pytest.mark.parametrize(
    "message",
    [
        Post([Update("x" * 65, 1, 0.0)]),
        Post([Update("x", 1, -1.0)]),
        Post([Update("x", 1, 4e9)]),
        Post([Update("x", 1, float("nan"))]),
        Post([Update("x", 1, 0.0, Alarm(4, 0))]),
        Post([Update("x", 1, 0.0, Alarm(0, 22))]),
        Post([Update("x", 1, 0.0, Alarm(0, 0, "x" * 5000))]),
        Post([Update("x", 1, 0.0)] * (MAX_UPDATES + 1)),
        Log(20, "x" * 5000, "words"),
        Log(20, "x", "y" * 100_001),
        Log(-1, "x", "y"),
        Failed("x" * 5000, Failure("A", "b")),
        Failed("setup", Failure("A" * 5000, "b")),
        Failed("setup", Failure("A", "b" * 100_001)),
    ],
)
def test_a_field_beyond_its_bound_is_no_message(message: Message) -> None:
    head = msgspec.msgpack.encode(message)
    with pytest.raises(ProtocolError, match="not a message"):
        MessageDecoder(Up).decode(head)


@pytest.mark.parametrize(
    "described",
    [
        ("<f8", (2,) * 33),
        ("S" * 100_000, (1,)),
        ("f8,f8", (1,)),
        ("<f8", (-1,)),
        ("O", (1,)),
    ],
)
def test_an_array_that_is_none_of_ours_is_no_message(described: Any) -> None:
    array = msgspec.msgpack.Ext(1, msgspec.msgpack.encode(described))
    head = msgspec.msgpack.encode(["Post", [["x", array, 0.0]]])
    with pytest.raises(ProtocolError) as refused:
        MessageDecoder(Up).decode(head, np.zeros(64, np.uint8))
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("sizes", [(MAX_UP_HEAD + 1, 0), (10, (18 << 20) + 1)])
def test_a_header_that_announces_too_much_is_refused_at_once(
    sizes: tuple[int, int],
) -> None:
    _, words, _ = read_all(HEADER.pack(*sizes), frame_limits(largest(0, [])))
    assert words.startswith("frame of")


def test_how_large_arrays_may_be() -> None:
    assert largest(0, []) == 16 << 20
    assert largest(0, [10_000_000]) == 80_000_000
    assert largest(10**12, []) == MAX_ARRAY
    pvs = {"A": {"type": "bytes", "length": 4_000_000}, "B": {"length": "x"}, "C": 5}
    assert array_bytes(100, pvs) == 32_000_000
    assert array_bytes(50_000_000, pvs) == 50_000_000
    assert array_bytes(100, {"A": {"shape": [2000, 3000]}}) == 48_000_000
    assert array_bytes(100, {"A": {"shape": ["x", 3000]}}) == 16 << 20
