"""Doors under threads: nothing is overlooked, and nobody is woken for nothing."""

import queue
import select
import threading
import time

import pytest

from sswd.ioc.process.queues import BOUND, CommandQueue, EventfdQueue


@pytest.fixture
async def door():
    door = EventfdQueue()
    yield door
    door.close()


def is_readable(door: EventfdQueue) -> bool:
    return bool(select.select([door], [], [], 0)[0])


class HushFirst:
    """A lock before which, once, the reader comes."""

    def __init__(self, door: EventfdQueue) -> None:
        self.door, self.lock = door, door._closing

    def __enter__(self) -> None:
        self.door._closing = self.lock
        self.door.clear_event()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


async def test_a_hush_between_flag_and_write_does_not_leave_it_readable(door):
    """Else its reader would spin until somebody pushes again."""
    door._closing = HushFirst(door)
    door.push(1)
    for _ in range(3):  # a reader that is woken hushes and takes
        if is_readable(door):
            door.clear_event()
    assert not is_readable(door)
    door.push(2)
    assert is_readable(door)


async def test_many_pushers_one_reader(door):
    """The reader sleeps until it is woken; it must get everything."""
    each, pushers = 3000, 4
    got: list[tuple[int, int]] = []
    done = threading.Event()

    def push(name: int) -> None:
        for i in range(each):
            door.push((name, i))
            if i % 97 == 0:
                time.sleep(0.0005)

    def read() -> None:
        poll = select.poll()
        poll.register(door.fileno(), select.POLLIN)
        while len(got) < each * pushers:
            assert poll.poll(5000), f"asleep with {len(door)} items waiting"
            door.clear_event()
            while len(door):
                got.append(door.take())
        done.set()

    threads = [threading.Thread(target=push, args=(n,)) for n in range(pushers)]
    threads.append(threading.Thread(target=read))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert done.is_set()
    for name in range(pushers):
        assert [i for n, i in got if n == name] == list(range(each))


async def test_put_has_a_bound_push_has_none(door):
    for i in range(BOUND):
        door.put(i)
    with pytest.raises(queue.Full):
        door.put(BOUND)
    door.push(BOUND)
    assert len(door) == BOUND + 1


async def test_as_the_queue_of_the_library(door):
    await door.async_put(1)
    assert await door.async_get() == 1
    late = threading.Timer(0.02, door.put, (2,))
    late.start()
    assert await door.async_get() == 2
    late.join()
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.append(door.get()))
    reader.start()
    door.put(3)
    reader.join(5.0)
    assert got == [3]


async def test_commands_by_hand_go_through_the_ledger():
    submitted: list[object] = []
    door = CommandQueue(submitted.append, bound=2)
    other = threading.Thread(target=door.put, args=({"CMD": "a"},))
    other.start()
    other.join()
    door.put({"CMD": "b"})
    with pytest.raises(queue.Full):
        door.put({"CMD": "c"})
    assert len(door) == 0
    until_s = time.monotonic() + 5.0
    while len(submitted) < 2 and time.monotonic() < until_s:
        await door_turn()
    assert submitted == [{"CMD": "a"}, {"CMD": "b"}]
    door.put({"CMD": "d"})
    await door_turn()
    door.close()


async def door_turn() -> None:
    import asyncio

    await asyncio.sleep(0.001)
