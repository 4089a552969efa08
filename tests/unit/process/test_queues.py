"""Queues under threads: nothing is overlooked, and nobody is woken for nothing."""

import queue as queues
import select
import threading
import time

import pytest

from sswd.ioc.process.queues import BOUND, CommandQueue, EventfdQueue


@pytest.fixture
async def queue():
    queue = EventfdQueue()
    yield queue
    queue.close()


def is_readable(queue: EventfdQueue) -> bool:
    return bool(select.select([queue], [], [], 0)[0])


class ClearFirst:
    """A lock before which, once, the reader comes."""

    def __init__(self, queue: EventfdQueue) -> None:
        self.queue, self.lock = queue, queue._closing

    def __enter__(self) -> None:
        self.queue._closing = self.lock
        self.queue.clear_event()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


async def test_clear_event_between_flag_and_write_does_not_leave_it_readable(queue):
    """Else its reader would spin until somebody pushes again."""
    queue._closing = ClearFirst(queue)
    queue.push(1)
    for _ in range(3):  # a reader that is woken clears and takes
        if is_readable(queue):
            queue.clear_event()
    assert not is_readable(queue)
    queue.push(2)
    assert is_readable(queue)


async def test_many_pushers_one_reader(queue):
    """The reader sleeps until it is woken; it must get everything."""
    each, pushers = 3000, 4
    got: list[tuple[int, int]] = []
    done = threading.Event()

    def push(name: int) -> None:
        for i in range(each):
            queue.push((name, i))
            if i % 97 == 0:
                time.sleep(0.0005)

    def read() -> None:
        poll = select.poll()
        poll.register(queue.fileno(), select.POLLIN)
        while len(got) < each * pushers:
            assert poll.poll(5000), f"asleep with {len(queue)} items waiting"
            queue.clear_event()
            while len(queue):
                got.append(queue.take())
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


async def test_put_has_a_bound_push_has_none(queue):
    for i in range(BOUND):
        queue.put(i)
    with pytest.raises(queues.Full):
        queue.put(BOUND)
    queue.push(BOUND)
    assert len(queue) == BOUND + 1


async def test_as_the_queue_of_the_library(queue):
    await queue.async_put(1)
    assert await queue.async_get() == 1
    late = threading.Timer(0.02, queue.put, (2,))
    late.start()
    assert await queue.async_get() == 2
    late.join()
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.append(queue.get()))
    reader.start()
    queue.put(3)
    reader.join(5.0)
    assert got == [3]


async def test_commands_by_hand_go_through_the_ledger():
    submitted: list[object] = []
    queue = CommandQueue(submitted.append, bound=2)
    other = threading.Thread(target=queue.put, args=({"CMD": "a"},))
    other.start()
    other.join()
    queue.put({"CMD": "b"})
    with pytest.raises(queues.Full):
        queue.put({"CMD": "c"})
    assert len(queue) == 0
    until_s = time.monotonic() + 5.0
    while len(submitted) < 2 and time.monotonic() < until_s:
        await loop_turn()
    assert submitted == [{"CMD": "a"}, {"CMD": "b"}]
    queue.put({"CMD": "d"})
    await loop_turn()
    queue.close()


async def loop_turn() -> None:
    import asyncio

    await asyncio.sleep(0.001)
