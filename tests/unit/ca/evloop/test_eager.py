"""Coroutines started at once, on Pythons with and without eager tasks."""

import asyncio
import sys

import pytest

from sswd.ioc.ca.evloop import eager

STARTS = [eager.start_now, eager._start_now_311]


def outside_a_task(call):
    """Run `call` as a callback of the loop, as circuits do; its result."""
    loop = asyncio.get_running_loop()
    result = loop.create_future()
    loop.call_soon(lambda: result.set_result(call()))
    return result


@pytest.mark.parametrize("start_now", STARTS)
async def test_runs_to_the_first_wait_within_the_call(start_now):
    seen = []

    async def work():
        seen.append("started")
        await asyncio.sleep(0)
        seen.append("ended")
        return 5

    loop = asyncio.get_running_loop()

    def begin():
        task = start_now(work(), loop)
        return task, list(seen)

    task, at_once = await outside_a_task(begin)
    assert at_once == ["started"]
    assert await task == 5
    assert seen == ["started", "ended"]
    assert "call_soon" not in vars(loop)


@pytest.mark.parametrize("start_now", STARTS)
async def test_a_putter_may_use_timeouts_and_ask_who_it_is(start_now):
    """asyncio.timeout() needs a current task from the very first step."""

    async def work():
        assert asyncio.current_task() is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        return asyncio.current_task()

    loop = asyncio.get_running_loop()
    task = await outside_a_task(lambda: start_now(work(), loop))
    assert await task is task


@pytest.mark.parametrize("start_now", STARTS)
async def test_what_never_waits_is_done_at_once(start_now):
    async def fails():
        raise ValueError("no")

    loop = asyncio.get_running_loop()
    task = await outside_a_task(lambda: start_now(fails(), loop))
    assert task.done()
    assert isinstance(task.exception(), ValueError)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="3.12 starts it eagerly")
async def test_within_a_task_3_11_starts_it_in_the_next_turn():
    async def work():
        return 1

    task = eager.start_now(work(), asyncio.get_running_loop())
    assert not task.done()
    assert await task == 1


async def test_run_through_gives_result_or_exception():
    async def result():
        return 7

    async def fails():
        raise KeyError("x")

    assert eager.run_through(result()) == (True, 7)
    with pytest.raises(KeyError):
        eager.run_through(fails())


async def test_run_through_lets_go_on_what_waits_after_all():
    gate, seen = asyncio.Event(), []

    async def waits():
        await asyncio.sleep(0)
        await gate.wait()
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        except TimeoutError:
            seen.append("timeout")

    assert eager.run_through(waits()) == (False, None)
    gate.set()
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0.001)
    assert seen == ["timeout"]
    await asyncio.sleep(0)
    assert not eager._going_on
