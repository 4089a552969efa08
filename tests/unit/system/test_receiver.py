"""The loop's side of the up door: portions, order, credits; nothing gets it stuck."""

import asyncio
import logging
import time
from typing import Any

import numpy as np
import pytest

from sswd.ioc.process.bridge import Gone
from sswd.ioc.process.queues import EventfdQueue
from sswd.ioc.system.receiver import GRANT_AT, TURN_S, TURN_UPDATES, MessageReceiver
from sswd.pipe.codec import LARGE
from sswd.pipe.protocol import Failure, Finished, Free, Grant, Message, Post, Pulse


class FakeRun:
    class bridge:
        has_exited = False

    def __init__(self) -> None:
        self.orders: list[Message] = []

    def make_room(self) -> None:
        self.orders.append(Free([]))

    def order(self, message: Message) -> None:
        self.orders.append(message)

    @property
    def granted(self) -> int:
        return sum(m.credits for m in self.orders if isinstance(m, Grant))


class World:
    """Publisher, desk and listener in one; keeps what happened, in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.active: Any = None
        self.poison: set[str] = set()

    def publish(self, pv: str, value: object, stamp_s: float | None) -> object:
        self.events.append((pv, value))
        if pv in self.poison:
            raise RuntimeError("a hook of the user's own group")
        return None if pv == "refused" else value

    def show_refused(self) -> None:
        pass

    def acknowledged(self, text: object) -> None:
        self.events.append(("acknowledged", text))

    def finished(self, command_id: int, failure: Failure | None) -> None:
        self.events.append(("finished", command_id))

    def worker_down(self, words: str) -> None:
        self.events.append(("down", words))

    def is_active(self, run: Any) -> bool:
        return run is self.active

    def on_message(self, run: Any, message: Message) -> None:
        self.events.append(("heard", message))

    def gone(self, run: Any, gone: Gone) -> None:
        self.active = None
        self.events.append("gone")


@pytest.fixture
async def world():
    return World()


@pytest.fixture
async def run(world):
    world.active = FakeRun()
    return world.active


@pytest.fixture
async def door(world):
    door = EventfdQueue()
    receiver = MessageReceiver(door, world, world, world)
    yield door
    receiver.close()
    door.close()


def post(*pairs: tuple[str, Any]) -> Post:
    return Post([(pv, value, 1.0) for pv, value in pairs])


def many(n: int) -> Post:
    return post(*(("a", i) for i in range(n)))


async def settle() -> None:
    """More turns of the loop than any test needs, even with one update in each."""
    for _ in range(5 * TURN_UPDATES):
        await asyncio.sleep(0)


async def test_posts_then_the_end(door, run, world):
    door.push((run, post(("values", 1), ("ACK", "1"))))
    door.push((run, Finished(7, None, False, [("message", "late", 1.0)])))
    await settle()
    assert world.events == [
        ("values", 1),
        ("ACK", "1"),
        ("acknowledged", "1"),
        ("message", "late"),
        ("finished", 7),
    ]


async def test_a_refused_ack_is_no_word_of_the_system(door, run, world):
    world.publish = lambda *_: None
    door.push((run, post(("ACK", object()))))
    await settle()
    assert world.events == []


async def test_others_get_their_turns(door, run, world):
    """A flood is published in portions."""
    door.push((run, many(5 * TURN_UPDATES)))
    most = 0
    seen = 0
    for _ in range(10 * TURN_UPDATES):
        await asyncio.sleep(0)
        most = max(most, len(world.events) - seen)
        seen = len(world.events)
    assert seen == 5 * TURN_UPDATES
    assert most <= TURN_UPDATES


async def test_what_takes_long_leaves_the_loop_in_between(door, run, world):
    """A message may hold 64 arrays of 1 MiB less one byte."""
    publish = world.publish

    def slowly(*update: Any) -> object:
        time.sleep(TURN_S)
        return publish(*update)

    world.publish = slowly
    door.push((run, many(20)))
    most = seen = 0
    for _ in range(100):
        await asyncio.sleep(0)
        most = max(most, len(world.events) - seen)
        seen = len(world.events)
    assert seen == 20
    assert most <= 1


async def test_one_large_array_a_turn(door, run, world):
    image = np.zeros(LARGE, np.uint8)
    for _ in range(3):
        door.push((run, post(("image", image))))
    most = seen = 0
    for _ in range(50):
        await asyncio.sleep(0)
        most = max(most, len(world.events) - seen)
        seen = len(world.events)
    assert seen == 3
    assert most == 1


async def test_credits_return_as_posts_are_published(door, run):
    for _ in range(GRANT_AT - 1):
        door.push((run, post(("a", 1))))
    await settle()
    assert run.orders == []
    door.push((run, post(("a", 1))))
    await settle()
    assert run.granted == GRANT_AT
    door.push((run, post(("image", np.zeros(LARGE, np.uint8)))))
    await settle()
    assert run.granted == 2 * GRANT_AT


async def test_what_is_refused_returns_its_credit_too(door, run):
    for _ in range(GRANT_AT):
        door.push((run, post(("refused", 1))))
    await settle()
    assert run.granted == GRANT_AT


async def test_finished_costs_nothing(door, run):
    for i in range(10):
        door.push((run, Finished(i, None, False, [("a", 1, 1.0)])))
    await settle()
    assert run.granted == 0


async def test_nothing_of_another_run_is_published(door, run, world):
    old = FakeRun()
    door.push((old, post(("a", 1))))
    door.push((old, Finished(1, None, False, [("a", 2, 1.0)])))
    door.push((run, post(("a", 3))))
    await settle()
    assert [e for e in world.events if e[0] == "a"] == [("a", 3)]
    assert not any(e[0] == "finished" for e in world.events)
    assert old.orders == []


async def test_gone_comes_after_everything_before_it(door, run, world):
    door.push((run, many(3 * TURN_UPDATES)))
    door.push((run, Gone([], 0.0)))
    door.push((run, post(("a", "too late"))))
    await settle()
    assert world.events.index("gone") == 3 * TURN_UPDATES
    assert ("a", "too late") not in world.events


async def test_other_messages_are_heard(door, run, world):
    door.push((run, Pulse(0, 1.0)))
    await settle()
    assert world.events == [("heard", Pulse(0, 1.0))]


async def test_posts_by_hand(door, world):
    door.put({"a": 1, "ACK": "1"})
    await settle()
    assert world.events == [("a", 1), ("ACK", "1"), ("acknowledged", "1")]


@pytest.fixture
def told(caplog) -> Any:
    """What the loop tells of exceptions in callbacks."""
    caplog.set_level(logging.ERROR, "asyncio")
    return caplog


async def test_an_update_that_cannot_be_published_does_not_stop_the_rest(
    door, run, world, told
):
    """Not even for ever: it is not tried again and again."""
    world.poison = {"bad"}
    for _ in range(GRANT_AT):
        door.push((run, post(("a", 1), ("bad", 1), ("b", 1))))
    door.push((run, Finished(1, None, False, [("bad", 2, 1.0), ("c", 2, 1.0)])))
    await settle()
    pvs = [pv for pv, _ in world.events]
    assert pvs == ["a", "bad", "b"] * GRANT_AT + ["bad", "c", "finished"]
    assert run.granted == GRANT_AT
    assert "a hook of the user's own group" in told.text


async def test_nonsense_by_hand_does_not_stop_the_rest(door, run, world, told):
    door.put("no mapping")
    door.push((run, post(("a", 1))))
    await settle()
    assert world.events == [("a", 1)]
