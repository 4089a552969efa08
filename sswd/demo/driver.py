"""A blocking driver of the demo's instrument, as a laboratory would write it.

It knows nothing of sswd: pyvisa, SCPI, exceptions. `system` puts it on Channel Access.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyvisa
from pyvisa.resources import MessageBasedResource


class InstrumentError(Exception):
    """The instrument refused a message."""


class NoAnswer(InstrumentError, TimeoutError):
    """It did not answer in time, or not at all."""


class Digitizer:
    """One session with the instrument at `address`; opened when it is first needed.

    One thread at a time, but for `aside`. An answer that is later than `timeout_s`
    raises NoAnswer; a refusal raises InstrumentError.
    """

    def __init__(self, address: str, timeout_s: float = 2.0) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._visa = pyvisa.ResourceManager("@py")
        self._session: MessageBasedResource | None = None

    def tell(self, message: str) -> None:
        """Send a message that has no answer, and ask whether it was accepted."""
        with self._exchange(message) as session:
            session.write(message)
            error = session.query("SYST:ERR?")
        if not error.startswith("0,"):
            raise InstrumentError(f"{message}: the instrument says {error}")

    def ask(self, query: str) -> str:
        """The answer to a query."""
        with self._exchange(query) as session:
            return str(session.query(query))

    def open(self) -> None:
        """Open the session and see that somebody answers."""
        self.ask("*IDN?")

    def move(self, position_mm: float) -> None:
        """Move the stage and wait until it has arrived."""
        distance_mm = abs(position_mm - self.position_mm())
        motion_s = distance_mm / float(self.ask("VEL?"))
        self.tell(f"MOVE {position_mm:.6f}")
        self._wait(motion_s)

    def position_mm(self) -> float:
        """Where the stage is."""
        return float(self.ask("POS?"))

    def acquire(self, channel: int) -> npt.NDArray[np.float64]:
        """Take a waveform: float64 (points,), in V."""
        self.tell("WAV:FORM REAL,64")
        self.tell("ACQ")
        self._wait(float(self.ask("ACQ:TIME?")))
        query = f"WAV:DATA? {channel}"
        with self._exchange(query) as session:
            return np.asarray(
                session.query_binary_values(query, "d", container=np.array)
            )

    def aside(self, message: str) -> None:
        """Send a message in a session of its own: for a second thread, or a second try.

        It works while the first session waits for an answer.
        """
        with contextlib.closing(self._open()) as session:
            session.write(message)
            session.query("SIM:FAULT?")  # its answer says that the message is done

    def close(self) -> None:
        """Close the session; the next use opens another."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _wait(self, expected_s: float) -> None:
        with self._exchange("*OPC?", expected_s + self._timeout_s) as session:
            session.query("*OPC?")

    def _open(self) -> MessageBasedResource:
        session = self._visa.open_resource(
            self._address,
            resource_pyclass=MessageBasedResource,
            read_termination="\n",
            write_termination="\n",
            timeout=self._timeout_s * 1000.0,
        )
        assert isinstance(session, MessageBasedResource)
        return session

    @contextlib.contextmanager
    def _exchange(
        self, what: str, timeout_s: float | None = None
    ) -> Iterator[MessageBasedResource]:
        """A session in step with the instrument.

        An exchange that was cut short, by whatever exception, leaves an answer on its
        way that the next query would take for its own. So that session is given up.
        """
        if self._session is None:
            self._session = self._open()
            self._session.write("*CLS")  # errors that the session before left behind
        session, in_step = self._session, False
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        session.timeout = timeout_s * 1000.0
        try:
            yield session
            in_step = True
        except pyvisa.Error as error:
            raise NoAnswer(
                f"{what}: no answer from {self._address} within {timeout_s:.1f} s "
                f"({type(error).__name__}: {error})"
            ) from None
        finally:
            if not in_step:
                self.close()
