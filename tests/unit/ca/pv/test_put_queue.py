"""The order of puts on one PV."""

import asyncio

import pytest

from sswd.ioc.ca.pv.put_queue import PutQueue


class Put:
    """A put that ends when its gate opens."""

    def __init__(self, log, name):
        self.log, self.name, self.gate = log, name, asyncio.Event()

    async def run(self):
        self.log.append(f"{self.name} starts")
        await self.gate.wait()
        self.log.append(f"{self.name} ends")

    def done(self, error):
        self.log.append(f"{self.name} answered {error!r}")


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_next_starts_when_the_former_has_ended():
    log, queue = [], PutQueue()
    puts = [Put(log, name) for name in "ab"]
    for put in puts:
        queue.add(put.run, put.done)
    puts[1].gate.set()
    await settle()
    assert log == ["a starts"]
    assert len(queue) == 2
    puts[0].gate.set()
    await settle()
    assert log == [
        "a starts",
        "a ends",
        "a answered None",
        "b starts",
        "b ends",
        "b answered None",
    ]
    assert len(queue) == 0


async def test_overlapping_puts_start_at_once_in_order():
    log, queue = [], PutQueue()
    queue.overlap = True
    puts = [Put(log, name) for name in "abc"]
    for put in puts:
        queue.add(put.run, put.done)
    await settle()
    assert log == ["a starts", "b starts", "c starts"]
    for put in reversed(puts):
        put.gate.set()
        await settle()
    assert [line for line in log if "answered" in line] == [
        "c answered None",
        "b answered None",
        "a answered None",
    ]


async def test_a_failure_is_told_and_the_next_one_runs():
    log, queue = [], PutQueue()

    async def fails():
        raise ValueError("no")

    queue.add(fails, Put(log, "a").done)
    after = Put(log, "b")
    after.gate.set()
    queue.add(after.run, after.done)
    await settle()
    assert log == [
        "a answered ValueError('no')",
        "b starts",
        "b ends",
        "b answered None",
    ]


async def test_cancel_ends_the_running_and_drops_the_waiting():
    log, queue = [], PutQueue()
    for name in "ab":
        put = Put(log, name)
        queue.add(put.run, put.done)
    await settle()
    tasks = queue.cancel()
    await asyncio.wait(tasks)
    await settle()
    assert log == ["a starts", "a answered CancelledError()"]
    assert len(queue) == 0


async def test_many_synchronous_puts_do_not_recurse():
    queue, ended = PutQueue(), []
    gate = Put([], "gate")
    queue.add(gate.run, gate.done)

    async def nothing():
        pass

    for number in range(5000):
        queue.add(nothing, lambda _, number=number: ended.append(number))
    gate.gate.set()
    async with asyncio.timeout(10):
        while len(queue):
            await asyncio.sleep(0)
    assert ended == list(range(5000))


@pytest.mark.parametrize("overlap", [False, True])
async def test_a_put_that_does_not_wait_is_answered_within_add(overlap):
    def add():
        queue, ended = PutQueue(), []
        queue.overlap = overlap

        async def nothing():
            pass

        queue.add(nothing, ended.append)
        return ended

    loop = asyncio.get_running_loop()
    result = loop.create_future()
    loop.call_soon(lambda: result.set_result(add()))
    assert await result == [None]
