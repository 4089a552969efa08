"""Every exception of sswd, under one base class.

The text of an error is written for an operator: what happened, to what, what sswd did,
what to do.
"""


class SswdError(Exception):
    """Base class of everything that sswd raises on purpose."""


class ConfigError(SswdError):
    """The configuration is wrong; the text names file, key and the mend."""


class WriteError(SswdError):
    """A file that was to be made for the user could not; the text names it."""


class LoadError(SswdError):
    """A system could not be imported or constructed from its "module:Class"."""


class ProtocolError(SswdError):
    """The other end of a pipe sent bytes that are no message of ours."""


class PipeClosed(SswdError):
    """The other end of a pipe is gone: EOF, a cut message, or EPIPE."""


class UnsendableError(SswdError):
    """A command's value cannot cross the pipe to the worker."""


class PostRefused(SswdError):
    """A posted value does not fit its PV, or there is no such PV."""


class NotTheWorkerError(SswdError):
    """A forked child of the worker posts; only the worker itself may."""


class CommandError(SswdError):
    """A command ended without success; see the subclasses."""


class CommandFailed(CommandError):
    """The system raised, or the text was refused in the worker."""


class CommandTimeout(CommandError):
    """The command passed its deadline and was ended."""


class CommandAborted(CommandError):
    """ABORT, RESTART, STOP or the end of the daemon ended the command."""


class CommandLost(CommandError):
    """The worker died unasked while the command ran."""


class CommandRejected(CommandError):
    """The IOC refused the command; it never ran."""


class PortTakenError(SswdError):
    """A port, address or prefix that this daemon was told to use is not to be had
    (exit 69)."""


class PrefixTakenError(PortTakenError):
    """Another daemon of this host serves the prefix, and goes on."""


class NotOursError(SswdError):
    """Another user has made, or can change, what sswd was about to write."""


class RemoteLost(SswdError):
    """A PV of another IOC is not connected, or was lost before it answered."""


class RemoteRefused(RemoteLost):
    """The server of another IOC's PV is there, and cannot give its value."""


class NotFoundError(SswdError):
    """No server answers for a PV (exit 4)."""


class PutFailed(SswdError):
    """A put to a PV of another IOC failed, or nobody knows how it ended."""
