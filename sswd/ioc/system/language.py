"""What the IOC knows of the texts that a system takes on CMD."""

import logging

from sswd.pipe.protocol import Loaded
from sswd.sequence import OWN_TEXT, VerbError, VerbSignature, preview
from sswd.sequence.verbs import from_plain

log = logging.getLogger("sswd.ioc")


class Language:
    """The command language of the system `name`, as its last Loaded has it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._verbs: tuple[VerbSignature, ...] = ()
        self._is_read = True

    def learn(self, loaded: Loaded) -> None:
        """Take what a run's class says."""
        self._is_read = loaded.reads_language
        try:
            self._verbs = from_plain(loaded.verbs)
        except VerbError as ex:
            log.error(
                "system '%s': the verbs of the class cannot be used: %s", self._name, ex
            )

    def preview(self, text: str, limit: int, step_s: float | None) -> str:
        """What `text` would do, in a line; `limit` in points."""
        what = preview(text, self._verbs, limit, step_s=step_s)
        return str(what) if self._is_read or not what.error else OWN_TEXT
