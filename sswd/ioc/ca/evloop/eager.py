"""Start a coroutine as a task that runs at once, up to its first real wait.

A put followed by a get on one circuit must see the new value, so a putter may not wait
for the next turn of the loop. Python 3.12 has eager tasks; 3.11 has not.
"""

import asyncio
import contextvars
import functools
import sys
import types
from collections.abc import Callable, Coroutine, Generator

Step = Callable[[], object]
Coro = Coroutine[object, None, object]
"""What an async function returns."""


def start_now(coro: Coro, loop: asyncio.AbstractEventLoop) -> asyncio.Task[object]:
    """Make a task of `coro` and run its first step inside this call.

    Loop thread only. The returned task may be done already; its exception is then kept,
    not logged: the caller must look. On 3.11 a caller that is itself a task gets an
    ordinary task, which starts in the next turn.
    """
    if sys.version_info >= (3, 12):
        return asyncio.Task(coro, loop=loop, eager_start=True)
    return _start_now_311(coro, loop)


def _start_now_311(coro: Coro, loop: asyncio.AbstractEventLoop) -> asyncio.Task[object]:
    if asyncio.current_task(loop) is not None:
        return asyncio.Task(coro, loop=loop)
    # Task() hands its first step to loop.call_soon. We take it from there and run it:
    # a real task from the first step on, so asyncio.timeout() and the like work.
    first: list[tuple[Step, contextvars.Context]] = []

    def take(step: Step, context: contextvars.Context) -> None:
        first.append((step, context))

    loop.call_soon = take  # type: ignore[method-assign,assignment]
    try:
        task = asyncio.Task(coro, loop=loop)
    finally:
        del loop.call_soon
    step, context = first[0]
    context.run(step)
    return task


def run_through(coro: Coro) -> tuple[bool, object]:
    """Drive a coroutine that is not expected to wait; (True, its result).

    (False, None) if it waits after all: then it goes on as a task of the running loop,
    which logs its exception. For caproto's async functions that never really suspend.
    """
    try:
        waits_for = coro.send(None)
    except StopIteration as end:
        return True, end.value
    task = asyncio.get_running_loop().create_task(_go_on(coro, waits_for))
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    return False, None


_going_on: set[asyncio.Task[object]] = set()


async def _go_on(coro: Coro, waits_for: object) -> object:
    return await _resume(coro, waits_for)


@types.coroutine
def _resume(coro: Coro, waits_for: object) -> Generator[object, None, object]:
    """Go on, inside a task, with a coroutine whose first step was made outside."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:  # noqa: BLE001 - handed on, as `yield from` does
            step = functools.partial(coro.throw, error)
        else:
            step = functools.partial(coro.send, sent)
        try:
            waits_for = step()
        except StopIteration as end:
            return end.value
