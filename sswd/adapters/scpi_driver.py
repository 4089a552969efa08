"""Speaks to an instrument in lines of text, through pyvisa."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sswd.adapters.attribute import Attribute
from sswd.errors import LoadError


class ScpiLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is reached; the arguments that the system may have."""

    address: str = ""
    """A VISA resource, "TCPIP::HOST::PORT::SOCKET" or "ASRL/dev/ttyUSB0::INSTR"."""
    visalib: str = "@py"
    """pyvisa's backend."""
    timeout_s: float = 2.0
    terminator: str = "\n"
    """Ends what is sent."""
    answer_terminator: str | None = None
    """Ends what is answered; as `terminator` unless given."""
    baud_rate: int | None = None
    """Of a serial line."""
    ping: str = ""
    """Asked every ping_s whether the instrument is there; "": never."""


class Texts(NamedTuple):
    """What is sent for one PV."""

    query: str
    write: str
    has_answer: bool


class ScpiDriver:
    """One connection."""

    def __init__(
        self,
        link: ScpiLink,
        texts: Mapping[str, tuple[str, str, bool]],
        attributes: Sequence[Attribute],
    ) -> None:
        self._link = link
        self._texts = {pv: Texts(*given) for pv, given in texts.items()}
        self._attributes = attributes
        self._manager: Any = None
        self._resource: Any = None

    def connect(self) -> None:
        """Raises what pyvisa raises; LoadError where it is not installed."""
        link = self._link
        if not link.address:
            raise LoadError('it has no address; args = { address = "TCPIP::..." }')
        try:
            import pyvisa
        except ImportError as ex:
            raise LoadError("pyvisa is missing; pip install 'sswd[scpi]'") from ex
        self._manager = pyvisa.ResourceManager(link.visalib)
        resource = self._manager.open_resource(
            link.address,
            write_termination=link.terminator,
            read_termination=link.answer_terminator or link.terminator,
            timeout=1000 * link.timeout_s,
        )
        self._resource = resource
        if link.baud_rate is not None:
            resource.baud_rate = link.baud_rate

    def disconnect(self) -> None:
        resource, self._resource = self._resource, None
        manager, self._manager = self._manager, None
        try:
            if resource is not None:
                resource.close()
        finally:
            if manager is not None:
                manager.close()

    @property
    def held(self) -> None:
        """Texts alone: nothing that could move by itself."""

    def attributes(self) -> Sequence[Attribute]:
        return self._attributes

    def read(self, name: str) -> Any:
        """The answer as text; of an array, a list of them."""
        answer = self.ask(self._texts[name].query)
        length = next(a.length for a in self._attributes if a.name == name)
        if length is None:
            return answer
        return [_number(part) for part in answer.split(",")]

    def write(self, name: str, value: Any) -> None:
        texts = self._texts[name]
        self._send(texts.write.format(_plain(value)), texts.has_answer)

    def call(self, name: str) -> Any:
        texts = self._texts[name]
        self._send(texts.write, texts.has_answer)

    def ask(self, query: str) -> str:
        return str(self._resource.query(query)).strip()

    def _send(self, text: str, has_answer: bool) -> None:
        if has_answer:
            self.ask(text)
        else:
            self._resource.write(text)


def _plain(value: Any) -> Any:
    """As SCPI writes it: on and off are 1 and 0, an array is a list with commas."""
    if isinstance(value, bool):
        return int(value)
    if hasattr(value, "tolist"):
        return ",".join(map(str, value.tolist()))
    return value


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()
