"""Circuits send at the end of a piece of work, or in the next turn of the loop."""

import asyncio

import pytest

from sswd.ioc.ca.evloop.flusher import Flusher, flusher


class Sender:
    def __init__(self) -> None:
        self.flushes = 0

    def flush(self) -> None:
        self.flushes += 1


async def test_outside_a_block_it_flushes_in_the_next_turn() -> None:
    sender = Sender()
    flusher().add(sender)
    assert sender.flushes == 0
    await asyncio.sleep(0)
    assert sender.flushes == 1
    await asyncio.sleep(0)
    assert sender.flushes == 1


async def test_within_blocks_it_flushes_when_the_outermost_ends() -> None:
    one, two = Sender(), Sender()
    held = flusher()
    with held:
        held.add(one)
        with held:
            held.add(two)
        assert (one.flushes, two.flushes) == (0, 0)
    assert (one.flushes, two.flushes) == (1, 1)


async def test_what_was_due_before_a_block_is_flushed_with_it() -> None:
    early = Sender()
    held = flusher()
    held.add(early)
    with held:
        pass
    assert early.flushes == 1
    await asyncio.sleep(0)
    assert early.flushes == 1


async def test_what_a_flush_adds_is_flushed_too() -> None:
    held = flusher()
    last = Sender()

    class Chain(Sender):
        def flush(self) -> None:
            super().flush()
            held.add(last)

    with held:
        held.add(Chain())
    await asyncio.sleep(0)
    assert last.flushes == 1


async def test_a_block_that_raises_flushes_what_it_queued() -> None:
    sender = Sender()
    held = flusher()
    with pytest.raises(ValueError, match="user code"), held:
        held.add(sender)
        raise ValueError("user code")
    assert sender.flushes == 1


async def test_one_for_each_loop() -> None:
    assert flusher() is flusher()

    def elsewhere() -> Flusher:
        async def find() -> Flusher:
            return flusher()

        return asyncio.run(find())

    assert await asyncio.to_thread(elsewhere) is not flusher()
