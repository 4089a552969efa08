"""pymeasure's Keithley 2400 over pymeasure's own ProtocolAdapter.

It expects exactly these texts, in this order, and refuses all others. They are taken
from the driver, since they differ between versions of pymeasure.
"""

import inspect

from pymeasure.adapters import ProtocolAdapter
from pymeasure.instruments.keithley import Keithley2400 as Real


def text(name: str, way: str) -> str:
    """The text that reads ("get") or writes ("set") a property."""
    member = inspect.getattr_static(Real, name)
    function = member.fget if way == "get" else member.fset
    return inspect.signature(function).parameters[f"{way}_command"].default


class Keithley2400(Real):
    def __init__(self):
        begins = []
        if hasattr(Real, "reset_data_format"):
            begins = [
                (":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None)
            ]
        super().__init__(
            ProtocolAdapter(
                [
                    *begins,
                    (text("source_voltage", "get"), "0.5"),  # poll_s = 0
                    (text("source_voltage", "set") % 1.5, None),
                    (text("source_voltage", "get"), "1.5"),
                    (text("source_mode", "set") % "CURR", None),
                    (text("source_enabled", "set") % 1, None),
                    (text("source_enabled", "get"), "1"),
                ]
            )
        )
