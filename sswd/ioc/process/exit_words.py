"""Words for the end of a worker: exit code, last failure, crash text. Pure."""

import signal

from sswd.pipe.protocol import Failed


def exit_words(code: int | None, killed_for: str = "") -> str:
    """ "was killed by SIGSEGV", "exited with code 3"; and why the IOC killed it."""
    if code is None:
        words = "is gone without an exit code"
    elif code >= 0:
        words = f"exited with code {code}"
    else:
        try:
            words = f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            words = f"was killed by signal {-code}"
    return f"{words} ({killed_for})" if killed_for else words


def failed_words(failed: Failed) -> str:
    """ "setup failed: OSError: no route to host", on one line."""
    failure = failed.failure
    return f"{failed.doing} failed: {failure.kind}: {failure.message}".replace(
        "\n", " "
    )


def crash_text(tail: list[str]) -> str:
    """The part of the worker's last output from faulthandler's or Python's words on.

    They need not begin a line: the driver may have written half of one before.
    """
    for i, line in enumerate(tail):
        for words in ("Fatal Python error", "Traceback (most recent call last)"):
            start = line.find(words)
            if start >= 0:
                return "\n".join([line[start:], *tail[i + 1 :]])
    return ""
