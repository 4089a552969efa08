"""What the sequence package refuses, in words for the one who wrote the text."""

from sswd.errors import SswdError


class GrammarError(SswdError):
    """A command text is refused; nothing was evaluated.

    ``reason`` says what is wrong and ``mend`` what to write instead; either is plain
    ASCII, so that it fits every Channel Access string. ``column`` counts characters
    from 1; 0 means that no single place is to blame.
    """

    def __init__(self, reason: str, mend: str = "", column: int = 0) -> None:
        super().__init__(reason, mend, column)
        self.reason = reason
        self.mend = mend
        self.column = column

    def __str__(self) -> str:
        """Return place, fault and mend in one line, the place first."""
        where = f"column {self.column}: " if self.column else ""
        mend = f"; {self.mend}" if self.mend else ""
        return f"{where}{self.reason}{mend}"

    def at(self, column: int) -> "GrammarError":
        """Return the same refusal at a place, unless it already names one."""
        if self.column:
            return self
        return GrammarError(self.reason, self.mend, column)


class VerbError(SswdError):
    """A method cannot be a verb: its name is taken or a hint is not supported."""


class StepError(SswdError):
    """A step cannot be taken: bad index, divider, value or trajectory."""


class TriggerError(SswdError):
    """A trigger value carries no usable index."""


class TriggerKeyError(TriggerError):
    """The trigger is well formed but says nothing to this key."""
