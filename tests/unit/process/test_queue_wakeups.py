"""The doors between the bridge's thread and the loop: no wake-up is ever lost."""

import os
import select

import pytest

from sswd.ioc.process.queues import EventfdQueue


def is_readable(door: EventfdQueue) -> bool:
    poll = select.poll()
    poll.register(door.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def test_a_push_in_the_middle_of_hush_does_not_silence_the_door(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = EventfdQueue()
    door.push(1)
    read = os.eventfd_read

    def read_after_a_push(fd: int) -> int:
        monkeypatch.undo()
        door.push(2)
        return read(fd)

    monkeypatch.setattr(os, "eventfd_read", read_after_a_push)
    door.clear_event()
    assert [door.take(), door.take()] == [1, 2]
    door.push(3)
    assert is_readable(door)
    door.close()


async def test_a_door_is_readable_until_hushed() -> None:
    door = EventfdQueue()
    assert not is_readable(door)
    door.push(1)
    assert is_readable(door)
    door.clear_event()
    assert not is_readable(door)
    assert door.take() == 1
    door.close()
