"""Frames over real pipes and socketpairs: cut anywhere, large, damaged, or the last."""

import contextlib
import fcntl
import os
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.errors import PipeClosed, ProtocolError
from sswd.pipe.codec import HEADER, MAX_BODY, MAX_HEAD, MessageDecoder, MessageEncoder
from sswd.pipe.framing import READ_BYTES, FrameLimits, FrameReader, FrameWriter
from sswd.pipe.protocol import Execute, Log, Message, Post, Ready, Up, Update


class Pipe:
    """A pipe with a reader of ours at its end."""

    def __init__(self, union: Any = Up) -> None:
        self.out, self.into = os.pipe()
        self.reader: FrameReader[Any] = FrameReader(self.out, MessageDecoder(union))
        os.set_blocking(self.out, False)

    def read_all(self) -> list[Message]:
        found: list[Message] = []
        while True:
            found += self.reader.read()
            if self.reader.found_nothing:
                return found

    def close_writer(self) -> None:
        if self.into >= 0:
            os.close(self.into)
            self.into = -1

    def close(self) -> None:
        self.close_writer()
        os.close(self.out)


@contextlib.contextmanager
def open_pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    try:
        yield pipe
    finally:
        pipe.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with open_pipe() as one:
        yield one


def frame(message: Message) -> bytes:
    return b"".join(bytes(b) for b in MessageEncoder().encode(message))


def array_of(updates: list[Any]) -> np.ndarray:
    return updates[0].value


def note(i: int) -> Log:
    return Log(20, "x", f"note {i}")


def image(n: int) -> Post:
    return Post([Update("image", np.arange(n, dtype=np.uint8), 1.0)])


# -- reading


def test_a_read_where_nothing_waits_says_so(pipe):
    assert pipe.reader.read() == []
    assert pipe.reader.found_nothing


def test_several_in_one_read(pipe):
    os.write(pipe.into, b"".join(frame(note(i)) for i in range(5)))
    assert pipe.reader.read() == [note(i) for i in range(5)]
    assert not pipe.reader.found_nothing


@given(st.data())
def test_cut_anywhere(data):
    """However the bytes are cut, with arrays and without, all messages arrive."""
    sent: list[Message] = [note(0), image(5), Ready(), image(0), image(40), note(1)]
    raw = b"".join(map(frame, sent))
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8).map(sorted))
    got: list[Message] = []
    with open_pipe() as pipe:
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            os.write(pipe.into, raw[start:end])
            got += pipe.read_all()
    assert [type(m) for m in got] == [type(m) for m in sent]
    for a, b in zip(got, sent, strict=True):
        if isinstance(b, Post):
            assert array_of(a.updates).tolist() == array_of(b.updates).tolist()
        else:
            assert a == b


@pytest.mark.parametrize("size", [READ_BYTES - 200, READ_BYTES, 3_000_001])
def test_large_bodies_and_what_follows_them(size):
    """The rest of a large body is read straight into its array."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        writer = FrameWriter(theirs.fileno())
        reader: FrameReader[Any] = FrameReader(ours.fileno(), MessageDecoder(Up))
        sent = [image(size), note(1), image(size), note(2)]
        sending = threading.Thread(target=lambda: [writer.send(m) for m in sent])
        sending.start()
        got: list[Any] = []
        while len(got) < len(sent):
            got += reader.read()
        sending.join(5.0)
    assert [type(m) for m in got] == [Post, Log, Post, Log]
    assert got[1::2] == sent[1::2]
    for message in got[::2]:
        array = array_of(message.updates)
        assert (array == np.arange(size, dtype=np.uint8)).all()
        assert not array.flags.writeable


def test_a_large_head(pipe):
    """Text travels in the head, in many reads."""
    fcntl.fcntl(pipe.into, fcntl.F_SETPIPE_SZ, 1 << 20)
    long = Post([Update("x", "y" * 500_000, 0.0)])
    os.write(pipe.into, frame(long) + frame(note(1)))
    assert pipe.read_all() == [long, note(1)]


def test_two_large_bodies_do_not_share_memory(pipe):
    """What was handed over must not change by what comes later."""
    os.write(pipe.into, frame(image(100)) + frame(image(200)))
    first, second = pipe.read_all()
    assert not np.shares_memory(array_of(first.updates), array_of(second.updates))


# -- ends


def test_eof(pipe):
    os.write(pipe.into, frame(note(1)))
    pipe.close_writer()
    assert pipe.reader.read() == [note(1)]
    for _ in range(2):
        with pytest.raises(PipeClosed, match="end of file"):
            pipe.reader.read()


@pytest.mark.parametrize("kept", [3, HEADER.size, HEADER.size + 2, -30_000, -1])
def test_eof_in_a_message_drops_it(pipe, kept):
    raw = frame(image(60_000))
    os.write(pipe.into, frame(note(1)) + raw[:kept])
    pipe.close_writer()
    got: list[Message] = []
    with pytest.raises(PipeClosed, match="in a message"):
        while True:
            got += pipe.reader.read()
    assert got == [note(1)]


def test_a_reset_connection_is_closed():
    ours, theirs = socket.socketpair()
    with ours:
        ours.send(b"unread by the other")
        theirs.close()
        reader: FrameReader[Any] = FrameReader(ours.fileno(), MessageDecoder(Up))
        with pytest.raises(PipeClosed):
            reader.read()


@pytest.mark.parametrize(
    "header",
    [(MAX_HEAD + 1, 0), (1, MAX_BODY + 1), (2**32 - 1, 2**32 - 1)],
)
def test_absurd_sizes_are_refused_before_memory_is_asked_for(pipe, header):
    os.write(pipe.into, HEADER.pack(*header))
    with pytest.raises(ProtocolError, match="frame of"):
        pipe.reader.read()


def test_what_is_said_before_a_large_frame_may_make_room_for_it(pipe):
    """Both may arrive at once: the limits are those when it is looked at."""
    limits = FrameLimits(body=100)
    pipe.reader = FrameReader(pipe.out, MessageDecoder(Up), limits)
    for buffer in MessageEncoder().encode(Ready()):
        os.write(pipe.into, buffer)
    large = b"".join(MessageEncoder().encode(image(1000)))
    os.write(pipe.into, large[:500])
    assert pipe.reader.read() == [Ready()]
    limits.body = 10_000
    os.write(pipe.into, large[500:])
    (post,) = pipe.read_all()
    assert post.updates[0].value.nbytes == 1000


@pytest.mark.parametrize("sizes", [(101, 0), (1, 101)])
def test_a_large_frame_for_which_nothing_made_room_is_refused(pipe, sizes):
    limits = FrameLimits(head=100, body=100)
    pipe.reader = FrameReader(pipe.out, MessageDecoder(Up), limits)
    for buffer in MessageEncoder().encode(Ready()):
        os.write(pipe.into, buffer)
    os.write(pipe.into, HEADER.pack(*sizes))
    with pytest.raises(ProtocolError, match="frame of"):
        pipe.reader.read()
        os.write(pipe.into, b"more")
        pipe.reader.read()


def test_bytes_that_are_no_message(pipe):
    os.write(pipe.into, HEADER.pack(3, 0) + b"\xc1\xc1\xc1")
    with pytest.raises(ProtocolError):
        pipe.reader.read()


def test_reading_on_after_nonsense_does_not_hang_or_crash(pipe):
    """The bridge drains a worker that it has just killed for it."""
    chance = random.Random(1)
    os.write(pipe.into, frame(note(1)) + chance.randbytes(5000))
    pipe.close_writer()
    for _ in range(100):
        try:
            pipe.reader.read()
        except ProtocolError:
            continue
        except PipeClosed:
            break
    else:
        raise AssertionError("no end")


# -- writing


def test_what_does_not_fit_waits(pipe):
    os.set_blocking(pipe.into, False)
    fcntl.fcntl(pipe.into, fcntl.F_SETPIPE_SZ, 4096)
    writer = FrameWriter(pipe.into)
    sent = [Log(20, "x", "y" * 3000 + str(i)) for i in range(10)]
    for message in sent:
        writer.send(message)
    assert writer.owes
    got: list[Message] = []
    while writer.owes:
        got += pipe.reader.read()
        writer.flush()
    got += pipe.read_all()
    assert got == sent


def test_more_buffers_than_one_writev_takes(pipe):
    fcntl.fcntl(pipe.into, fcntl.F_SETPIPE_SZ, 1 << 20)
    many = Post([Update(f"pv{i}", np.full(3, i, np.uint16), 0.0) for i in range(700)])
    FrameWriter(pipe.into).send(many)
    (got,) = pipe.read_all()
    values = [update.value.tolist() for update in got.updates]
    assert values == [[i] * 3 for i in range(700)]


def test_a_reader_that_is_gone(pipe):
    writer = FrameWriter(pipe.into)
    os.close(pipe.out)
    try:
        with pytest.raises(PipeClosed, match="write failed"):
            writer.send(note(1))
        assert writer.owes
        writer.drop()
        assert not writer.owes
    finally:
        pipe.out = os.open(os.devnull, os.O_RDONLY)


@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=5), st.randoms())
def test_any_sizes_between_two_that_never_block(sizes, chance):
    """Both ends non-blocking, as in the bridge, moved by turns."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        theirs.setblocking(False)
        ours.setblocking(False)
        writer = FrameWriter(theirs.fileno())
        reader: FrameReader[Any] = FrameReader(ours.fileno(), MessageDecoder(Up))
        waiting = list(sizes)
        got: list[Any] = []
        while len(got) < len(sizes):
            if waiting and chance.random() < 0.5:
                writer.send(image(waiting.pop(0)))
            writer.flush()
            got += reader.read()
    assert [array_of(m.updates).size for m in got] == sizes


def test_values_that_cannot_be_encoded_leave_the_channel_whole(pipe):
    writer = FrameWriter(pipe.into)
    with pytest.raises(NotImplementedError):
        writer.send(Execute(1, "X", object()))
    assert not writer.owes
    writer.send(note(1))
    assert pipe.read_all() == [note(1)]
