"""aioca: asyncio on EPICS base's libca."""

import asyncio
from collections.abc import Callable
from typing import Any

import aioca
import numpy as np
from steps import WAIT_S, main

LONG = {"CMD", "CMD_ERROR", "message"}


class Aioca:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._loop = asyncio.new_event_loop()

    def _run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def _get(self, name: str, **options: Any) -> Any:
        return self._run(aioca.caget(self._prefix + name, timeout=WAIT_S, **options))

    def get(self, name: str) -> Any:
        if name in LONG:
            return str(self._get(name, datatype=aioca.DBR_CHAR_STR))
        value = self._get(name)
        if isinstance(value, np.ndarray):
            return [float(element) for element in value]
        return str(value) if isinstance(value, str) else float(value)

    def enum(self, name: str) -> tuple[int, str]:
        return int(self._get(name)), str(self._get(name, datatype=aioca.DBR_STRING))

    def _put(self, name: str, value: Any, **options: Any) -> bool:
        done = self._run(
            aioca.caput(
                self._prefix + name, value, timeout=WAIT_S, throw=False, **options
            )
        )
        return bool(done.ok)

    def put(self, name: str, value: Any) -> None:
        self._put(name, value)

    def put_wait(self, name: str, value: Any) -> bool:
        if name in LONG:
            return self._put(name, value, wait=True, datatype=aioca.DBR_CHAR_STR)
        return self._put(name, value, wait=True)

    def failing_put(self, name: str, text: str) -> list[Any]:
        def put(**more: Any) -> Any:
            put = aioca.caput(
                self._prefix + name,
                text,
                datatype=aioca.DBR_CHAR_STR,
                wait=True,
                timeout=WAIT_S,
                **more,
            )
            return self._run(put)

        raised = ""
        try:
            put()
        except aioca.CANothing as error:
            raised = type(error).__name__
        returned = put(throw=False)
        return [raised, type(returned).__name__, bool(returned), returned.ok]

    def put_string(self, name: str, text: str) -> None:
        self._put(name, text, datatype=aioca.DBR_STRING)

    def put_chars(self, name: str, text: str) -> None:
        self._put(name, text, datatype=aioca.DBR_CHAR_STR)

    def monitor(self, name: str, last: Any, during: Callable[[], Any]) -> list[Any]:
        seen: list[float] = []

        async def start() -> aioca.Subscription:
            return aioca.camonitor(
                self._prefix + name,
                lambda value: seen.append(float(value)),
                all_updates=True,
            )

        subscription = self._run(start())
        try:
            self._wait(lambda: bool(seen))
            during()
            self._wait(lambda: seen[-1] == last)
        finally:
            subscription.close()
        return seen

    def _wait(self, condition: Callable[[], bool]) -> None:
        async def until() -> None:
            async with asyncio.timeout(WAIT_S):
                while not condition():
                    await asyncio.sleep(0.01)

        self._run(until())


def make(prefix: str) -> Aioca:
    loop_owner = Aioca(prefix)
    asyncio.set_event_loop(loop_owner._loop)
    return loop_owner


main(make)
