"""Failures as they are really told, and what is to be done."""

import pytest

from sswd.control.mends import mend_of
from sswd.log_file import TAKEN


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (
            "worker 'm' (run 1) was killed by SIGSEGV while running command 1 CMD 'x'",
            "C library crashed",
        ),
        ("worker 'm' (run 1) was killed by SIGKILL", "out-of-memory"),
        (
            "was killed by SIGKILL (it was not RUNNING within start_s = 1 s)",
            "raise restart.start_s",
        ),
        (
            "import failed: ModuleNotFoundError: No module named 'serial'",
            "install the module",
        ),
        (
            "setup failed: ConnectionRefusedError: [Errno 111] Connection refused",
            "switch it on",
        ),
        ("setup failed: TimeoutError: timed out", "is it on"),
        ("setup failed: OSError: [Errno 113] No route to host", "is it on"),
        (
            "setup failed: PermissionError: [Errno 13] Permission denied: '/dev/ttyS0'",
            "dialout",
        ),
        ("setup failed: gaierror: [Errno -2] Name or service not known", "not known"),
        (
            "TypeError: C.__init__() got an unexpected keyword argument 'a'",
            "correct `args`",
        ),
        ("process 7 does not die of SIGKILL (stuck in a device driver", "dmesg"),
        ("OSError: [Errno 28] No space left on device", "free space"),
        ("rejected: queue full: 64 commands wait already", "sswd abort"),
        (
            "cannot listen on TCP port 5064, the default: Address already in use",
            "which program has the port",
        ),
        (
            "cannot take searches on UDP port 5064: Address already in use; a program",
            "or set another port",
        ),
        (
            "cannot listen on port 80, set by EPICS_CAS_SERVER_PORT: Permission denied",
            "above 1023",
        ),
        (
            "cannot listen at 10.0.0.5, an address of EPICS_CAS_INTF_ADDR_LIST: Cannot",
            "until the network is up",
        ),
        ("OSError: [Errno 27] File too large", "free space"),
        (
            "setpoints cannot be saved: /var/lib/lab: Permission denied; what was",
            "right to write there",
        ),
        ("the audit log /a/b cannot be written: Permission denied", "write there"),
        (f"the audit log /a/b cannot be written: {TAKEN}", "name another file"),
        (
            "the log file /a/b cannot be written: No such file or directory",
            "make the directory",
        ),
        (
            "setpoints cannot be saved: /a: can't start new thread; what was saved",
            "TasksMax",
        ),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/dev/x'", "plug"),
        ("no post for 2.5 s", "`sswd stack`"),
        ("KeyError: 'x'", ""),
    ],
)
def test_the_mend_of(words: str, mend: str) -> None:
    found = mend_of(words)
    assert mend in found
    assert bool(found) is bool(mend)
    # Another port is taken by itself only for TCP.
    assert ("--exclusive-port" in found) is ("TCP port" in words)
