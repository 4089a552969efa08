"""Requests and answers of the control socket: one JSON object a line, UTF-8.

A request has `v`, the version, and `cmd`. It is answered by any number of lines, each
with `v` and `kind`, of which the last is `end` or `error`. A client may send the next
request after that. Pure.
"""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from sswd.control.status import Status
from sswd.errors import SswdError

VERSION = 1
MAX_REQUEST = 64 << 10
"""Bytes of a request with its line end; a longer one is refused."""
MAX_ANSWER = 4 << 20
"""Bytes of one line of an answer."""
MAX_NAMES = 100
"""PVs of one get or watch."""

Name = Annotated[str, Meta(min_length=1, max_length=1024)]
Names = Annotated[list[Name], Meta(min_length=1, max_length=MAX_NAMES)]
Scalar: TypeAlias = bool | int | float | str
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTSET")
Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTSET"]


Code: TypeAlias = Literal["refused", "failed", "not found"]
"""Why it is not done: it was not begun, it failed, or what it names is not there."""


class Refused(SswdError):
    """A line is no request, or cannot be answered; the text says why."""

    def __init__(self, words: str, code: Code = "refused") -> None:
        super().__init__(words)
        self.code: Code = code


# ---- requests


class Request(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="cmd",
    tag=str.lower,
):
    """What a client asks for."""

    v: int = VERSION


class OnSystem(Request, frozen=True, kw_only=True):
    """One system by its name; empty: the only one."""

    system: str = ""


class Hello(Request, frozen=True, kw_only=True):
    """Who are you? Answered by Hi."""


class GetStatus(Request, frozen=True, kw_only=True, tag="status"):
    """How are you? Answered by a Status."""


class Restart(OnSystem, frozen=True, kw_only=True):
    """As a put to WORKER:RESTART. "all" names all systems, for all of these."""


class Start(OnSystem, frozen=True, kw_only=True):
    """As a put to WORKER:START."""


class Stop(OnSystem, frozen=True, kw_only=True):
    """As a put to WORKER:STOP."""


class Abort(OnSystem, frozen=True, kw_only=True):
    """As a put to ABORT."""


class Reload(Request, frozen=True, kw_only=True):
    """As SIGHUP: configuration and code of all systems are taken anew."""


class Get(Request, frozen=True, kw_only=True):
    """Values of PVs, by whole names. Answered by a Value each."""

    pvs: Names
    elements: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Of an array so many are told."""


class Watch(Get, frozen=True, kw_only=True):
    """The same, and again after each change, until the client hangs up."""


class Call(Request, frozen=True, kw_only=True):
    """Put a value and wait for the end of what that does."""

    pv: Name
    value: Scalar | Annotated[list[Scalar], Meta(min_length=1)]


class Clients(Request, frozen=True, kw_only=True):
    """The Channel Access clients of now. Answered by a Client each."""


class Close(Request, frozen=True, kw_only=True):
    """End one client's connection."""

    client: str
    """As `id` of Client."""


class Commands(OnSystem, frozen=True, kw_only=True):
    """The last commands, the oldest first; empty `system`: of all."""

    last: Annotated[int, Meta(ge=1, le=1000)] = 50


class SetLevel(Request, frozen=True, kw_only=True, tag="level"):
    """Log from this level on. Without `level`: tell it; without `logger`: of all.

    With `system`: loggers of its worker, in this run and those to come.
    """

    logger: str = ""
    system: str = ""
    level: Level | None = None


class Stack(OnSystem, frozen=True, kw_only=True):
    """Stacks of the IOC and the workers; empty `system`: of all."""


class Logs(Request, frozen=True, kw_only=True):
    """The last lines of the log, and with `follow` those to come."""

    last: Annotated[int, Meta(ge=0, le=10_000)] = 50
    follow: bool = False


AnyRequest: TypeAlias = (
    Hello
    | GetStatus
    | Restart
    | Start
    | Stop
    | Abort
    | Reload
    | Get
    | Watch
    | Call
    | Clients
    | Close
    | Commands
    | SetLevel
    | Stack
    | Logs
)


# ---- answers


class Answer(Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """One line of an answer. Fields that a newer daemon adds are not in the way."""

    v: int = VERSION


class Hi(Answer, frozen=True, kw_only=True):
    """Who answers."""

    pid: int
    sswd: str
    """Its version."""
    prefixes: list[str]
    """Of the daemon and of each system."""
    file: str = ""
    """The configuration, a whole path; empty: there is none."""


class Told(Answer, frozen=True, kw_only=True, tag="status"):
    """The answer to GetStatus."""

    status: Status


class Value(Answer, frozen=True, kw_only=True):
    """One PV as it is now."""

    pv: str
    value: Any
    """Number, text, state of an enum, or list. "nan", "inf" and "-inf" are texts."""
    count: int
    """Elements that the PV has; a list may be shorter."""
    severity: str
    status: str
    message: str
    time: float
    """Seconds since 1970."""
    units: str = ""


class Client(Answer, frozen=True, kw_only=True):
    """One Channel Access client. Times in s."""

    id: str
    """Its address: host:port."""
    host: str
    """As it names itself."""
    user: str
    channels: int
    monitors: int
    unsent_bytes: int
    puts_waiting: int
    connected_for: float
    silent_for: float
    last_put: str = ""
    last_put_ago: float | None = None


class Entry(Answer, frozen=True, kw_only=True, tag="command"):
    """One command of the ledger."""

    system: str
    prefix: str = ""
    """The system's."""
    id: int
    pv: str
    value: str
    """As Python writes it, cut."""
    who: str
    at: float
    """When it came, in seconds since 1970."""
    waited: float
    ran: float
    state: str
    error: str = ""


class LoggerLevel(Answer, frozen=True, kw_only=True, tag="level"):
    """One logger and its level."""

    logger: str
    level: str


class Line(Answer, frozen=True, kw_only=True, tag="log"):
    """One event of the log, as `--log-format json` writes it."""

    event: dict[str, Any]


class Stacks(Answer, frozen=True, kw_only=True):
    """Stacks of one process."""

    of: str
    text: str


class End(Answer, frozen=True, kw_only=True):
    """It is done."""

    words: str = ""
    waits: list[str] = []
    """Keys of the configuration that a Reload could not change: they wait for a restart
    of the daemon."""


class Error(Answer, frozen=True, kw_only=True):
    """It is not done."""

    words: str
    code: Code = "refused"


AnyAnswer: TypeAlias = (
    Hi | Told | Value | Client | Entry | LoggerLevel | Line | Stacks | End | Error
)


# ---- lines


class _Head(Struct):
    v: int
    cmd: str = ""


_HEAD = msgspec.json.Decoder(_Head)
_REQUEST: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_ANSWER: msgspec.json.Decoder[AnyAnswer] = msgspec.json.Decoder(AnyAnswer)
_ENCODER = msgspec.json.Encoder()


def line_of(message: Request | Answer) -> bytes:
    """A message as one line."""
    return _ENCODER.encode(message) + b"\n"


def request_of(line: bytes) -> AnyRequest:
    """The request that a line holds. Raises Refused in words."""
    try:
        head = _HEAD.decode(line)
        if head.v != VERSION:
            raise Refused(f"version {head.v} is asked for, this daemon has {VERSION}")
        return _REQUEST.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as ex:
        raise Refused(f"no request: {ex}") from ex


def answer_of(line: bytes) -> AnyAnswer:
    """The answer that a line holds. Raises Refused: another version of sswd."""
    try:
        return _ANSWER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as ex:
        raise Refused(f"the daemon answers what this sswd does not know: {ex}") from ex
