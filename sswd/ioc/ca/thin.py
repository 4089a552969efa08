"""A first circuit: caproto's own, with its puts in order and their failures told."""

import logging
from typing import Any

import caproto
from caproto.asyncio.server import VirtualCircuit

from sswd.errors import SswdError
from sswd.ioc.ca.seam import name_of


class Circuit(VirtualCircuit):  # type: ignore[misc]
    """caproto's circuit; only writes are ours."""

    async def _process_command(self, command: Any) -> Any:
        if not isinstance(command, caproto.WriteRequest | caproto.WriteNotifyRequest):
            return await super()._process_command(command)
        _, data = self._get_db_entry_from_command(command)
        queue = self.context.put_queue(data)

        def make() -> Any:
            return data.auth_write(
                self.client_hostname,
                self.client_username,
                command.data,
                command.data_type,
                command.metadata,
                user_address=self.circuit.address,
            )

        def done(error: BaseException | None) -> None:
            if error is not None:
                self._tell(data, error)
            self.tasks.create(self._answer(command, data, error))

        queue.add(make, done)
        return []

    def _tell(self, data: Any, error: BaseException) -> None:
        expected = isinstance(error, SswdError | caproto.CaprotoError)
        self.context.limited_log.log(
            logging.WARNING,
            f"put {name_of(data)}",
            "put to %s by %s@%s failed: %s: %s",
            name_of(data),
            self.client_username,
            self.circuit.address[0],
            type(error).__name__,
            error,
            exc_info=None if expected else error,
        )

    async def _answer(
        self, command: Any, data: Any, error: BaseException | None
    ) -> None:
        if not self.connected:
            return
        status = caproto.CAStatus.ECA_PUTFAIL if error else caproto.CAStatus.ECA_NORMAL
        if isinstance(command, caproto.WriteNotifyRequest):
            reply = caproto.WriteNotifyResponse(
                data_type=command.data_type,
                data_count=data.length,
                status=status.value.code_with_severity,
                ioid=command.ioid,
            )
            await self.send(reply)
        elif error is not None:
            cid = self.circuit.channels_sid[command.sid].cid
            await self.send(
                caproto.ErrorResponse(
                    command, cid, status=status, error_message=str(error)[:80]
                )
            )
