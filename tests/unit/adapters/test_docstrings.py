"""Type and units that a docstring names."""

import pytest

from sswd.adapters.docstrings import first_line, type_in, units_in


@pytest.mark.parametrize(
    ("text", "kind", "units"),
    [
        ("Measure the voltage in Volts (float).", "float", "V"),
        ("A floating point property in Hz.", "float", "Hz"),
        ("Control the delay in seconds (int, strictly).", "int", "s"),
        ("Control whether it is on (bool).", "bool", ""),
        ("A string property that is in use", "str", ""),
        ("Get the temperature in kelvin", "", "K"),
        ("Interpret the internal state in a way", "", ""),
        (None, "", ""),
    ],
)
def test_what_a_docstring_says(text: str | None, kind: str, units: str) -> None:
    assert (type_in(text), units_in(text)) == (kind, units)


def test_the_first_paragraph_is_one_line_without_markup() -> None:
    text = "Control the :attr:`~.mode`\n  of it.(dynamic)\n\nMore."
    assert first_line(text) == "Control the mode of it"
