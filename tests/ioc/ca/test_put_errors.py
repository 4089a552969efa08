"""What `sswd put` says of a put that failed: words of its own command, of no other."""

import caproto
import pytest

from sswd.errors import PutFailed
from sswd.ioc.client import ask


class Pv(caproto.ChannelDouble):
    """Refuses every put; its system makes a command of it if it `has_command`."""

    def __init__(self, command_id, *, has_command: bool) -> None:
        super().__init__(value=0.0)
        self.command_id = command_id
        self.has_command = has_command

    async def verify_value(self, data):
        if self.has_command:
            await self.command_id.write(8)
        raise ValueError("no")


@pytest.mark.parametrize("has_command", [True, False])
async def test_cmd_error_of_another_command_is_not_told(
    port, serving, has_command: bool
) -> None:
    command_id = caproto.ChannelInteger(value=7)
    pvdb = {
        "L:S:X": Pv(command_id, has_command=has_command),
        "L:S:CMD_ID": command_id,
        "L:S:CMD_ERROR": caproto.ChannelString(value="it melts"),
    }
    async with serving(pvdb):
        with pytest.raises(PutFailed) as failed:
            await ask.put("L:S:X", ["1"], wait_s=10.0, timeout_s=None, as_number=False)
    assert ("; L:S:CMD_ERROR: it melts" in str(failed.value)) is has_command


async def test_of_a_server_without_commands_nothing_is_told(port, serving) -> None:
    pvdb = {"L:X": Pv(caproto.ChannelInteger(value=0), has_command=False)}
    async with serving(pvdb):
        with pytest.raises(PutFailed, match="L:X: the put failed: "):
            await ask.put("L:X", ["1"], wait_s=10.0, timeout_s=None, as_number=False)
