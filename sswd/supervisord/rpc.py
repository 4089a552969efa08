"""What supervisord is asked and told: XML-RPC over its socket, by the standard library.

supervisord gives an event listener its address (and name and password, where there are
any) in the environment. Blocks, each call at most CALL_S.
"""

import base64
import contextlib
import http.client
import socket
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sswd.errors import ConfigError, SswdError

CALL_S = 15.0
STACKS_S = 0.5
"""How long a daemon may write its stacks before it is killed."""
GONE_S = 10.0
"""How long supervisord may take to see that a daemon has ended."""
LOOK_S = 0.05
RUNNING = 20
_ENDED = (0, 100, 200, 1000)
"""STOPPED, EXITED, FATAL, UNKNOWN: nobody starts it by himself."""


class SupervisordError(SswdError):
    """supervisord cannot be asked, or says no."""


class Program(msgspec.Struct, frozen=True):
    """What supervisord knows of one program."""

    name: str
    group: str
    state: int
    pid: int

    @property
    def whole_name(self) -> str:
        """As supervisorctl has it."""
        return f"{self.group}:{self.name}"


class Supervisord:
    """The supervisord that runs us."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises ConfigError when it has no address."""
        url = environ.get("SUPERVISOR_SERVER_URL", "")
        if not url:
            raise ConfigError(
                "SUPERVISOR_SERVER_URL is not set: supervisord's configuration needs "
                "[unix_http_server] and [rpcinterface:supervisor]"
            )
        user, secret = (
            environ.get(f"SUPERVISOR_{what}", "") for what in ("USERNAME", "PASSWORD")
        )
        headers = []
        if user:
            word = base64.b64encode(f"{user}:{secret}".encode()).decode()
            headers.append(("Authorization", f"Basic {word}"))
        if url.startswith("unix://"):
            transport: xmlrpc.client.Transport = _Local(url[7:], headers)
            url = "http://localhost"
        else:
            transport = _Inet(headers=headers)
        self._proxy = xmlrpc.client.ServerProxy(f"{url}/RPC2", transport)

    def programs(self) -> list[Program]:
        """All of them. Raises SupervisordError."""
        with _in_words():
            return msgspec.convert(
                self._proxy.supervisor.getAllProcessInfo(), list[Program]
            )

    def restart(self, program: Program) -> None:
        """Have it write its stacks, kill it, and see that it is started.

        supervisord does that by itself where `autorestart` says so. Raises
        SupervisordError.
        """
        calls, name = self._proxy.supervisor, program.whole_name
        with _in_words():
            calls.signalProcess(name, "USR1")
            time.sleep(STACKS_S)
            calls.signalProcess(name, "KILL")
        if self._has_ended_for_good(program):
            with _in_words():
                calls.startProcess(name, False)  # it is not waited for

    def _has_ended_for_good(self, program: Program) -> bool:
        """Whether it has ended and supervisord does not start it."""
        until_s = time.monotonic() + GONE_S
        while time.monotonic() < until_s:
            with _in_words():
                found: object = self._proxy.supervisor.getProcessInfo(
                    program.whole_name
                )
            now = msgspec.convert(found, Program)
            if now.state in _ENDED:
                return True
            if now.pid not in (0, program.pid):
                return False
            time.sleep(LOOK_S)
        raise SupervisordError(
            f"{program.whole_name} (pid {program.pid}) does not end by SIGKILL"
        )


class _Inet(xmlrpc.client.Transport):
    """XML-RPC over TCP."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = CALL_S
        return connection


class _Local(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket."""

    def __init__(self, path: str, headers: list[tuple[str, str]]) -> None:
        super().__init__(headers=headers)
        self._path = path

    def make_connection(self, _host: object) -> http.client.HTTPConnection:
        """One for each call: supervisord may have been restarted."""
        return _LocalConnection(self._path)


class _LocalConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL_S)
        self.sock.connect(self._path)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as ex:
        raise SupervisordError(f"supervisord says: {ex.faultString}") from ex
    except (OSError, http.client.HTTPException, xmlrpc.client.Error) as ex:
        raise SupervisordError(f"supervisord does not answer: {ex}") from ex
    except msgspec.ValidationError as ex:
        raise SupervisordError(f"supervisord says what is not known: {ex}") from ex
