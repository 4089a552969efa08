"""The loop with a short way: what is quick, what is asyncio's; neither waits."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator

import pytest

from sswd.ioc.ca.evloop.quick_loop import HOT_S, QuickLoop, watch

LOOPS = [QuickLoop, asyncio.SelectorEventLoop]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def run(kind, work):
    with asyncio.Runner(loop_factory=kind) as runner:
        return runner.run(work())


@pytest.mark.parametrize("kind", LOOPS)
def test_a_reader_is_called_until_it_is_removed(kind, pair):
    ours, theirs = pair

    async def work():
        loop = asyncio.get_running_loop()
        heard = []
        watch(loop, ours.fileno(), lambda: heard.append(ours.recv(10)))
        for word in (b"a", b"b"):
            theirs.send(word)
            await asyncio.sleep(0.01)
        assert loop.remove_reader(ours.fileno())
        assert not loop.remove_reader(ours.fileno())
        theirs.send(b"c")
        await asyncio.sleep(0.01)
        return heard

    assert run(kind, work) == [b"a", b"b"]


@pytest.mark.parametrize("kind", LOOPS)
def test_what_a_reader_hands_to_the_loop_comes_in_the_same_turn(kind, pair):
    ours, theirs = pair

    async def work():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def on_readable():
            ours.recv(10)
            loop.call_soon(done.set)

        watch(loop, ours.fileno(), on_readable)
        theirs.send(b"a")
        async with asyncio.timeout(5):
            await done.wait()
        loop.remove_reader(ours.fileno())

    run(kind, work)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
@pytest.mark.parametrize("kind", LOOPS)
def test_a_reader_that_raises_is_told_and_ends_nothing(kind, pair, error):
    ours, theirs = pair

    async def work():
        loop = asyncio.get_running_loop()
        told = []
        loop.set_exception_handler(lambda _loop, context: told.append(context))

        def on_readable():
            raise error(ours.recv(10))

        watch(loop, ours.fileno(), on_readable)
        for word in (b"a", b"b"):
            theirs.send(word)
            await asyncio.sleep(0.01)
        loop.remove_reader(ours.fileno())
        return [str(context["exception"]) for context in told]

    assert run(kind, work) == ["b'a'", "b'b'"]


@pytest.mark.parametrize("kind", LOOPS)
def test_a_socket_with_reader_and_writer(kind, pair):
    ours, theirs = pair

    async def work():
        loop = asyncio.get_running_loop()
        heard, room = [], asyncio.Event()
        watch(loop, ours.fileno(), lambda: heard.append(ours.recv(10)))
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(65536))
        loop.add_writer(ours.fileno(), room.set)
        theirs.send(b"a")
        await asyncio.sleep(0.01)
        assert not room.is_set()
        with contextlib.suppress(BlockingIOError):
            while theirs.recv(1 << 20):
                pass
        theirs.send(b"b")
        async with asyncio.timeout(5):
            await room.wait()
        loop.remove_writer(ours.fileno())
        await asyncio.sleep(0.01)
        loop.remove_reader(ours.fileno())
        return heard

    assert run(kind, work) == [b"a", b"b"]


def test_a_number_that_is_used_anew_within_a_turn_is_watched(pair):
    """One reader ends another's socket, which was ready as well, and watches a new one
    in its place: asyncio must not be told of the old one's readiness."""
    ours, theirs = pair
    old, old_peer = socket.socketpair()
    new, new_peer = socket.socketpair()
    new.setblocking(False)

    async def work():
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        number = old.fileno()

        def on_new():
            with contextlib.suppress(BlockingIOError):  # it may be called for nothing
                os.read(number, 10)
                heard.set()

        def on_readable():
            ours.recv(10)
            loop.remove_reader(number)
            os.dup2(new.fileno(), number)
            watch(loop, number, on_new)

        watch(loop, number, lambda: None)
        watch(loop, ours.fileno(), on_readable)
        old_peer.close()  # IN | HUP is asyncio's
        theirs.send(b"a")
        await asyncio.sleep(0.01)
        new_peer.send(b"b")
        async with asyncio.timeout(5):
            await heard.wait()
        loop.remove_reader(number)
        loop.remove_reader(ours.fileno())

    with old, old_peer, new, new_peer:
        run(QuickLoop, work)


def test_timers_and_other_threads_are_not_kept_waiting_by_a_hot_socket(pair):
    """It answers itself without end; the loop looks longer for it, but not only."""
    ours, theirs = pair

    async def work():
        loop = asyncio.get_running_loop()

        def on_readable():
            ours.recv(10)
            theirs.send(b"a")

        watch(loop, ours.fileno(), on_readable)
        theirs.send(b"a")
        async with asyncio.timeout(5):
            for _ in range(5):
                await asyncio.sleep(0.005)
            assert await asyncio.to_thread(lambda: 7) == 7
        loop.remove_reader(ours.fileno())

    run(QuickLoop, work)


@pytest.mark.timing
def test_the_processor_rests_when_nothing_is_asked(pair):
    ours, theirs = pair

    async def work():
        loop = asyncio.get_running_loop()
        watch(loop, ours.fileno(), lambda: ours.recv(10))
        for _ in range(100):  # slower than what keeps the loop awake
            theirs.send(b"a")
            await asyncio.sleep(20 * HOT_S)
        begun_s, cpu_s = time.monotonic(), time.thread_time()
        await asyncio.sleep(0.5)
        loop.remove_reader(ours.fileno())
        return (time.thread_time() - cpu_s) / (time.monotonic() - begun_s)

    assert run(QuickLoop, work) < 0.05


def test_a_selector_that_is_closed_leaves_no_descriptor():
    """The leak check of conftest.py looks."""
    for _ in range(3):
        QuickLoop().close()
