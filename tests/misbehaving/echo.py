"""Two systems that take any text: one gives it back, one knows the command language."""

from sswd import SequenceSystem, System


class Echo(System):
    """Posts what it was given, as Python would write it in ASCII."""

    def on_CMD(self, text: str) -> None:
        self.io_put("GIVEN", ascii(text))


class Stepped(SequenceSystem):
    """Refuses whatever is no command."""

    def move(self, value: float) -> None:
        """Nothing moves."""
