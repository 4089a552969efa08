"""What to do about a failure, found by its words. Pure; the table is the policy.

The words are sswd's own, Python's and the C library's. Where no row fits, the words
themselves are all that is known.
"""

import re
from typing import NamedTuple


class _Row(NamedTuple):
    """Words that are looked for, as a regular expression, and the mend."""

    words: str
    mend: str


_FILES = r"(setpoints cannot be saved|the (audit log|log file) .*cannot be written)"
"""sswd's own files, not a device of the driver."""
_LOADS = "then `sswd restart`; `sswd check` tries the import alone"
_TABLE = (
    _Row(
        r"cannot be written: another daemon writes it",
        "name another file in `[log]` or `[audit]`: one for each",
    ),
    _Row(
        r"cannot listen at ",
        "`ip -brief address` shows the addresses of this host: wait until the network "
        "is up, or correct EPICS_CAS_INTF_ADDR_LIST",
    ),
    _Row(
        r"cannot listen on port \d+",
        "set EPICS_CAS_SERVER_PORT to a port above 1023",
    ),
    _Row(
        r"cannot take searches on UDP port",
        "`ss -lnup` shows which program has the port: end that one, or set another "
        "port",
    ),
    _Row(
        r"cannot listen on TCP port",
        "`ss -lntup` shows which program has the port: end that one, or set another "
        "port; without --exclusive-port another one is taken by itself",
    ),
    _Row(
        r"does not die of SIGKILL",
        "a device driver of the kernel holds it: look at `dmesg`; unplug the device or "
        "restart the host",
    ),
    _Row(
        r"another version of sswd|two versions of sswd",
        "sswd was updated under the daemon: restart the daemon itself",
    ),
    _Row(
        r"was not RUNNING within start_s",
        "its import or setup waits: is the instrument on? `sswd stack` shows where; "
        "raise restart.start_s if it needs more time",
    ),
    _Row(
        r"had been asked to stop and did not",
        "its close() or a thread of it did not end: the log has its stacks",
    ),
    _Row(
        r"command could not be ended otherwise",
        "the driver ignores ABORT: give it timeouts; `sswd commands` names the command",
    ),
    _Row(r"No module named", "install the module for sswd's Python, " + _LOADS),
    _Row(
        r"SyntaxError|IndentationError|TabError",
        "correct the line that is named, " + _LOADS,
    ),
    _Row(
        r"has no attribute|cannot import name",
        "correct the name in the driver, or `target`, " + _LOADS,
    ),
    _Row(
        r"unexpected keyword argument|missing \d+ required",
        "correct `args` of the system in the configuration, then restart the daemon",
    ),
    _Row(
        r"SIGSEGV|SIGBUS|SIGILL|SIGFPE|SIGABRT",
        "a C library crashed: its crash text is in the log and in the post-mortem; a "
        "new worker starts by itself; update the library",
    ),
    _Row(
        r"MemoryError|[Oo]ut of memory|Cannot allocate memory",
        "the host is short of memory: stop something, or set memory_max_mb",
    ),
    _Row(
        r"was killed by SIGKILL$|was killed by SIGKILL while",
        "nobody of sswd did that: look at `dmesg` for the kernel's out-of-memory "
        "killer; memory_max_mb restarts a worker before",
    ),
    _Row(
        r"No space left on device|Disk quota exceeded|File too large",
        "free space on the disk that is named",
    ),
    _Row(
        r"Read-only file system",
        "mount the disk writable, or set [state] directory or STATE_DIRECTORY",
    ),
    _Row(
        r"its disk hangs|audit log: it is too slow",
        "look at the disk and its mount (NFS?)",
    ),
    _Row(
        r"the thread of the audit log has ended",
        "`sswd logs` has its traceback; restart the daemon itself",
    ),
    _Row(
        r"Too many open files|Resource temporarily unavailable|can't start new thread",
        "raise the limits of the daemon (`ulimit -n`, TasksMax), or stop something",
    ),
    _Row(
        _FILES + r".*Permission denied",
        "give the daemon's user the right to write there, or name another place in the "
        "configuration",
    ),
    _Row(
        _FILES + r".*(No such file or directory|Not a directory)",
        "make the directory that is named, or correct its name in the configuration",
    ),
    _Row(
        r"Permission denied|PermissionError",
        "give the daemon's user the right: its group for the device (dialout), a udev "
        "rule, or the file's mode",
    ),
    _Row(
        r"Name or service not known|Temporary failure in name resolution|gaierror",
        "the instrument's name is not known: correct it in `args`, or mend the network",
    ),
    _Row(
        r"Connection refused|ConnectionRefusedError",
        "the instrument's host answers, its server does not: switch it on, or correct "
        "the port in `args`",
    ),
    _Row(
        r"No route to host|Network is unreachable|Host is unreachable|"
        r"[Tt]imed out|[Tt]imeout|VI_ERROR_TMO",
        "the instrument does not answer: is it on, are cable and address right?",
    ),
    _Row(
        r"Connection reset|Broken pipe|ConnectionResetError|closed the connection|"
        r"VI_ERROR_CONN_LOST",
        "the instrument hung up: was it switched off, does another client hold it?",
    ),
    _Row(
        r"No such file or directory|No such device|VI_ERROR_RSRC_NFOUND",
        "what is named is not there: plug it in, or correct its name in `args`",
    ),
    _Row(
        r"Device or resource busy|VI_ERROR_RSRC_BUSY|Address already in use",
        "another program holds it: end that one",
    ),
    _Row(
        r"no post for [\d.]+ s",
        "the driver does not post it any more: has its thread or callback ended? "
        "`sswd logs` and `sswd stack` show; `sswd restart` starts it anew",
    ),
    _Row(r"queue full", "wait until the queue is shorter, or `sswd abort`"),
    _Row(r"is outside the limits", "put a value within the PV's limits"),
    _Row(r"not ended within", "look at the instrument; raise timeout_s if it is slow"),
    _Row(r"aborted", "it was wanted; put the command again"),
)


def mend_of(words: str) -> str:
    """What to do about a failure that is told in these words; empty: not known."""
    for row in _TABLE:
        if re.search(row.words, words):
            return row.mend
    return ""
