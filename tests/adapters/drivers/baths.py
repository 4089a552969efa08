"""lewis' Julabo bath as a driver of each library, over the library's own connection."""

from pymeasure.instruments import Instrument
from qcodes.instrument import VisaInstrument
from qcodes.validators import Numbers


class PymeasureBath(Instrument):
    temperature = Instrument.measurement("IN_PV_00", "Measure the bath in celsius.")

    def __init__(self, adapter, name="Bath", **kwargs):
        super().__init__(adapter, name, includeSCPI=False, **kwargs)


class QcodesBath(VisaInstrument):
    def __init__(self, name, address, **kwargs):
        super().__init__(name, address, visalib="@py", device_clear=False, **kwargs)
        self.visa_handle.read_termination = "\r\n"
        self.visa_handle.write_termination = "\r"
        self.add_parameter(
            "temperature", get_cmd="IN_PV_00", get_parser=float, unit="C"
        )
        self.add_parameter(
            "setpoint",
            get_cmd="IN_SP_00",
            get_parser=float,
            set_cmd=lambda value: self.ask(f"OUT_SP_00 {value:.2f}"),
            vals=Numbers(0, 100),
        )
