"""Two servers for a master: all that is theirs is how they move."""

from sswd import SequenceSystem


class Stage(SequenceSystem):
    """Waits as long as a real stage would take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def move(self, value: float) -> None:
        self.sleep(self.seconds)
