"""Why a circuit ends."""

from sswd.ioc.ca.codec import protocol


class BadRequest(Exception):
    """A client broke the protocol: it is told (unless `quiet`) and disconnected.

    `head` is the header of the message, where the raiser knows it.
    """

    def __init__(
        self,
        text: str,
        status: int = protocol.INTERNAL,
        *,
        quiet: bool = False,
        head: bytes = b"",
    ) -> None:
        super().__init__(text)
        self.status = status
        self.quiet = quiet
        self.head = head
