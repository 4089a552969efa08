"""What comes up from workers: portions, order, credits; nothing gets it stuck."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sswd.alarm import Alarm
from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.queues import EventfdQueue
from sswd.ioc.system.receiver import GRANT_AT, TURN_S, TURN_UPDATES, MessageReceiver
from sswd.pipe.codec import LARGE
from sswd.pipe.protocol import (
    Failure,
    Finished,
    Free,
    Grant,
    Message,
    Post,
    Pulse,
    Update,
)


class FakeRun:
    class bridge:
        has_exited = False
        part = None

    def __init__(self) -> None:
        self.orders: list[Message] = []
        self.sent: list[Message] = []
        """What is read from it at once, when it is readable."""
        self.readable: Callable[[], None] | None = None

    def watch(self, reader: Callable[[], None]) -> None:
        self.readable = reader

    def unwatch(self) -> None:
        self.readable = None

    def receive(self) -> list[Message]:
        messages, self.sent = self.sent, []
        return messages

    def says(self, *messages: Message) -> None:
        """The loop finds its pipe readable."""
        self.sent += messages
        assert self.readable is not None
        self.readable()

    def make_room(self) -> None:
        self.orders.append(Free([]))

    def order(self, message: Message) -> None:
        self.orders.append(message)

    @property
    def granted(self) -> int:
        return sum(m.credits for m in self.orders if isinstance(m, Grant))


class World:
    """Publisher, dispatcher, active run and worker's events in one; keeps what
    happened, in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.run: Any = None
        self.poison: set[str] = set()

    def publish(
        self, pv: str, value: object, stamp_s: float | None, alarm: Alarm | None = None
    ) -> object:
        self.events.append((pv, value))
        if pv in self.poison:
            raise RuntimeError("a hook of the user's own group")
        return None if pv == "refused" else value

    def driver_says(self, pv: str, alarm: Alarm, _stamp_s: float | None) -> None:
        self.events.append((pv, alarm))

    def show_refused(self) -> None:
        pass

    def acknowledged(self, text: object) -> None:
        self.events.append(("acknowledged", text))

    def finished(self, command_id: int, failure: Failure | None) -> None:
        self.events.append(("finished", command_id))

    def worker_down(self, words: str) -> None:
        self.events.append(("down", words))

    def on_message(self, run: Any, message: Message) -> None:
        self.events.append(("message", message))

    def gone(self, run: Any, gone: Gone) -> None:
        self.run = None
        self.events.append("gone")


@pytest.fixture
async def world():
    return World()


@pytest.fixture
async def run(world):
    world.run = FakeRun()
    return world.run


@pytest.fixture
async def queue(world):
    queue: EventfdQueue[Any] = EventfdQueue()
    yield queue
    queue.close()


@pytest.fixture
async def receiver(queue, world):
    receiver = MessageReceiver(queue, world, world, world, world)
    yield receiver
    receiver.close()


def post(*pairs: tuple[str, Any]) -> Post:
    return Post([Update(pv, value, 1.0) for pv, value in pairs])


def many(n: int) -> Post:
    return post(*(("a", i) for i in range(n)))


async def settle() -> None:
    """More turns of the loop than any test needs, even with one update in each."""
    for _ in range(5 * TURN_UPDATES):
        await asyncio.sleep(0)


async def test_posts_then_the_end(queue, receiver, run, world):
    queue.push((run, post(("values", 1), ("ACK", "1"))))
    queue.push((run, Finished(7, None, [Update("message", "late", 1.0)])))
    await settle()
    assert world.events == [
        ("values", 1),
        ("ACK", "1"),
        ("acknowledged", "1"),
        ("message", "late"),
        ("finished", 7),
    ]


async def test_a_refused_ack_is_no_word_of_the_system(queue, receiver, run, world):
    world.publish = lambda *_: None
    queue.push((run, post(("ACK", object()))))
    await settle()
    assert world.events == []


async def test_others_get_their_turns(queue, receiver, run, world):
    """A flood is published in portions."""
    queue.push((run, many(5 * TURN_UPDATES)))
    most = 0
    seen = 0
    for _ in range(10 * TURN_UPDATES):
        await asyncio.sleep(0)
        most = max(most, len(world.events) - seen)
        seen = len(world.events)
    assert seen == 5 * TURN_UPDATES
    assert most <= TURN_UPDATES


async def test_what_takes_long_leaves_the_loop_in_between(queue, receiver, run, world):
    """A message may hold 64 arrays of 1 MiB less one byte."""
    publish = world.publish

    def slowly(*update: Any) -> object:
        time.sleep(TURN_S)
        return publish(*update)

    world.publish = slowly
    queue.push((run, many(20)))
    most = seen = 0
    for _ in range(100):
        await asyncio.sleep(0)
        most = max(most, len(world.events) - seen)
        seen = len(world.events)
    assert seen == 20
    assert most <= 1


async def test_one_large_array_a_turn(queue, receiver, run, world):
    image = np.zeros(LARGE, np.uint8)
    for _ in range(3):
        queue.push((run, post(("image", image))))
    most = seen = 0
    for _ in range(50):
        await asyncio.sleep(0)
        most = max(most, len(world.events) - seen)
        seen = len(world.events)
    assert seen == 3
    assert most == 1


async def test_credits_return_as_posts_are_published(queue, receiver, run):
    for _ in range(GRANT_AT - 1):
        queue.push((run, post(("a", 1))))
    await settle()
    assert run.orders == []
    queue.push((run, post(("a", 1))))
    await settle()
    assert run.granted == GRANT_AT
    queue.push((run, post(("image", np.zeros(LARGE, np.uint8)))))
    await settle()
    assert run.granted == 2 * GRANT_AT


async def test_what_is_refused_returns_its_credit_too(queue, receiver, run):
    for _ in range(GRANT_AT):
        queue.push((run, post(("refused", 1))))
    await settle()
    assert run.granted == GRANT_AT


async def test_finished_costs_nothing(queue, receiver, run):
    for i in range(10):
        queue.push((run, Finished(i, None, [Update("a", 1, 1.0)])))
    await settle()
    assert run.granted == 0


async def test_nothing_of_another_run_is_published(queue, receiver, run, world):
    old = FakeRun()
    queue.push((old, post(("a", 1))))
    queue.push((old, Finished(1, None, [Update("a", 2, 1.0)])))
    queue.push((run, post(("a", 3))))
    await settle()
    assert [e for e in world.events if e[0] == "a"] == [("a", 3)]
    assert not any(e[0] == "finished" for e in world.events)
    assert old.orders == []


async def test_gone_comes_after_everything_before_it(queue, receiver, run, world):
    queue.push((run, many(3 * TURN_UPDATES)))
    queue.push((run, Gone([], 0.0)))
    queue.push((run, post(("a", "too late"))))
    await settle()
    assert world.events.index("gone") == 3 * TURN_UPDATES
    assert ("a", "too late") not in world.events


async def test_other_messages_are_handed_on(queue, receiver, run, world):
    queue.push((run, Pulse()))
    await settle()
    assert world.events == [("message", Pulse())]


async def test_posts_by_hand(queue, receiver, world):
    queue.put({"a": 1, "ACK": "1"})
    await settle()
    assert world.events == [("a", 1), ("ACK", "1"), ("acknowledged", "1")]


@pytest.fixture
def told(caplog) -> Any:
    """What the loop tells of exceptions in callbacks."""
    caplog.set_level(logging.ERROR, "asyncio")
    return caplog


async def test_an_update_that_cannot_be_published_does_not_stop_the_rest(
    queue, receiver, run, world, told
):
    """Not even for ever: it is not tried again and again."""
    world.poison = {"bad"}
    for _ in range(GRANT_AT):
        queue.push((run, post(("a", 1), ("bad", 1), ("b", 1))))
    queue.push((run, Finished(1, None, [Update("bad", 2, 1.0), Update("c", 2, 1.0)])))
    await settle()
    pvs = [pv for pv, _ in world.events]
    assert pvs == ["a", "bad", "b"] * GRANT_AT + ["bad", "c", "finished"]
    assert run.granted == GRANT_AT
    assert "a hook of the user's own group" in told.text


async def test_nonsense_by_hand_does_not_stop_the_rest(
    queue, receiver, run, world, told
):
    queue.put("no mapping")
    queue.push((run, post(("a", 1))))
    await settle()
    assert world.events == [("a", 1)]


async def test_what_the_loop_reads_is_published_at_once(
    receiver, run, world, monkeypatch
):
    """In the call that found the pipe readable: nobody is woken for it."""
    monkeypatch.setattr("sswd.ioc.system.receiver.TURN_S", 10.0)  # on a busy host, too
    receiver.watch(run)
    run.says(post(("a", 1)), Finished(1, None, []))
    assert world.events == [("a", 1)]
    await settle()
    assert world.events == [("a", 1), ("finished", 1)]


async def test_what_the_loop_has_read_goes_before_what_the_thread_reads_after_it(
    queue, receiver, run, world
):
    receiver.watch(run)
    run.says(many(2 * TURN_UPDATES), post(("a", "before")))
    queue.push_all([(run, post(("a", "last"))), (run, Gone([], 0.0))])
    await settle()
    assert world.events[-3:] == [("a", "before"), ("a", "last"), "gone"]


async def test_it_reads_no_more_while_it_is_behind(queue, receiver, run, world):
    """Else a worker that floods would keep out what comes through the queue."""
    receiver.watch(run)
    run.says(many(2 * TURN_UPDATES), post(("a", "read")))
    run.says(post(("a", "more")))
    assert run.sent == [post(("a", "more"))]
    queue.put({"a": "by hand"})
    await settle()
    run.says()
    await settle()
    assert world.events[-2:] == [("a", "by hand"), ("a", "more")]


async def test_posts_by_hand_from_another_thread_wake_it(queue, receiver, world):
    thread = threading.Thread(target=queue.put, args=({"a": 1},))
    thread.start()
    thread.join()
    until_s = time.monotonic() + 5.0
    while not world.events and time.monotonic() < until_s:
        await asyncio.sleep(0.001)
    assert world.events == [("a", 1)]


async def test_once_closed_it_reads_nothing(receiver, run, world):
    """A worker that SIGKILL does not end goes on sending after the system's end."""
    receiver.watch(run)
    receiver.close()
    run.says(post(("a", 1)))
    assert run.readable is None
    assert run.sent
    assert world.events == []


async def test_an_alarm_without_a_value_goes_its_own_way(queue, receiver, run, world):
    alarm = Alarm(2, 3, "hot")
    updates = [Update("a", 1, 1.0, alarm), Update("a", None, 1.0, alarm, True)]
    queue.push((run, Post(updates)))
    await settle()
    assert world.events == [("a", 1), ("a", alarm)]
