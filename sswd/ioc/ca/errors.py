"""Why a circuit ends."""

from sswd.ioc.ca import wire


class BadRequest(Exception):
    """A client broke the protocol: it is told (unless `quiet`) and disconnected.

    `head` is the header of the message, where the raiser knows it.
    """

    def __init__(
        self,
        text: str,
        status: int = wire.INTERNAL,
        *,
        quiet: bool = False,
        head: bytes = b"",
    ) -> None:
        super().__init__(text)
        self.status = status
        self.quiet = quiet
        self.head = head
