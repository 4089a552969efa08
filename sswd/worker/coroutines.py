"""Runs the coroutines of `async def` handlers, on the worker's main thread.

There is one event loop in a worker, made for the first coroutine. While no command
runs, the main thread waits in the loop, so that tasks which a handler has left in the
background go on. A coroutine that is to be ended gets CancelledError at its await.

asyncio is imported with the first coroutine only: it costs a start 30 ms, and most
drivers need none.

Threading model: main thread, but for `cancel` (control thread).
"""

import contextlib
import inspect
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from sswd.worker.system import Aborted
from sswd.worker.watch import CommandWatch, await_user

if TYPE_CHECKING:
    import asyncio

CLOSE_S = 0.5
"""Tasks that a driver left behind have so long to end once they are cancelled."""


class Coroutines:
    """The event loop of a worker, once there is one."""

    def __init__(self, watch: CommandWatch) -> None:
        self._watch = watch
        self.loop: asyncio.AbstractEventLoop | None = None
        """Made with the first coroutine."""
        self._task: asyncio.Task[Any] | None = None
        watch.cancel_coroutine = self.cancel

    def completed(self, result: Any) -> Any:
        """The result of a method: what its coroutine returns, where it is one.

        Raises what the coroutine raises; Aborted when it was cancelled because its
        command is to end; TypeError for a generator, which nothing would run, and for a
        coroutine on another thread than the main one, where the loop is. A coroutine
        that another one of ours runs around is given back to be awaited; one that a
        coroutine returns has been forgotten, and is run as well.
        """
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            raise TypeError(
                "the handler returned a generator, which runs nothing; "
                "return a value, or write it without `yield`"
            )
        if not inspect.isawaitable(result):
            return result
        if threading.current_thread() is not threading.main_thread():
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                "it returned a coroutine, and those run on the main thread only; "
                "write abort(), and what runs beside commands, as plain methods"
            )
        if self._task is not None:
            return result
        return self.completed(self._run(await_user(result)))

    def cancel(self) -> None:
        """Cancel the coroutine that runs, if one does. Control thread."""
        loop, task = self.loop, self._task
        if loop is not None and task is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(task.cancel)

    def wait(
        self, loop: "asyncio.AbstractEventLoop", fds: tuple[int, ...], timeout_s: float
    ) -> bool:
        """Let the loop run until one of `fds` is readable: True, or for so long."""
        return loop.run_until_complete(_readable(loop, fds, timeout_s))

    def close(self) -> None:
        """End the tasks that are left, and the loop."""
        loop, self.loop = self.loop, None
        if loop is None:
            return
        loop.run_until_complete(_end_tasks())
        loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        import asyncio

        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        task = self._task = self.loop.create_task(coroutine)
        try:
            if self._watch.is_asked_to_end:  # asked before there was a task to cancel
                task.cancel()
            return self.loop.run_until_complete(task)
        except asyncio.CancelledError:
            if self._watch.is_asked_to_end:
                self._watch.forget_pending()
                raise Aborted from None
            raise
        finally:
            self._task = None
            if not task.done():  # Aborted was raised in the midst of the loop
                task.cancel()


async def _readable(
    loop: "asyncio.AbstractEventLoop", fds: tuple[int, ...], timeout_s: float
) -> bool:
    import asyncio

    seen = asyncio.Event()
    for fd in fds:
        loop.add_reader(fd, seen.set)
    try:
        await asyncio.wait_for(seen.wait(), timeout_s)
    except TimeoutError:
        return False
    finally:
        for fd in fds:
            loop.remove_reader(fd)
    return True


async def _end_tasks() -> None:
    import asyncio

    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=CLOSE_S)
    await asyncio.get_running_loop().shutdown_asyncgens()
