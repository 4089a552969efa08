"""The kinds of drivers, by the first word of a target."""

from collections.abc import Callable

from sswd.adapters.driver import Source
from sswd.adapters.plain_class import PlainClass
from sswd.adapters.pymeasure_class import PymeasureClass
from sswd.adapters.qcodes_instrument import QcodesClass
from sswd.adapters.scpi_file import ScpiInstrument
from sswd.adapters.wrapped import Wrapped, wrapped_class
from sswd.config.targets import wrapped_kind
from sswd.pipe.worker_spec import WorkerSpec

KINDS: dict[str, Callable[[str, str, str], Source]] = {
    "pymeasure": PymeasureClass,
    "qcodes": QcodesClass,
    "scpi": ScpiInstrument,
    "object": PlainClass,
}


def system_of(spec: WorkerSpec) -> type[Wrapped]:
    """The System class of the driver that `spec.target` names. Raises LoadError."""
    kind = wrapped_kind(spec.target)
    target = spec.target.partition(":")[2]
    return wrapped_class(KINDS[kind](target, spec.folder, spec.name), spec)
