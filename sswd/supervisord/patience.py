"""After how many questions without an answer a daemon is restarted. Pure."""

from collections.abc import Mapping


class Patience:
    """Counts, for each daemon, the questions since its last answer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._silent: dict[int, int] = {}

    @property
    def watched(self) -> frozenset[int]:
        """Who was there in the last round, by process id."""
        return frozenset(self._silent)

    def heard(self, answers: Mapping[int, bool]) -> list[int]:
        """Who is to be restarted, by process id, after this round of questions.

        `answers` has every daemon that is there; one that is not is forgotten. Who is
        named begins anew.
        """
        self._silent = {
            pid: 0 if answers[pid] else self._silent.get(pid, 0) + 1 for pid in answers
        }
        spent = [pid for pid, count in self._silent.items() if count >= self._limit]
        for pid in spent:
            self._silent[pid] = 0
        return spent
