"""What a system's class says of itself before it is constructed, checked.

Pure, but that the source of the class is read for `sswd check`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sswd.errors import LoadError
from sswd.pipe.outline import Outline
from sswd.pipe.protocol import PROTOCOL, Loaded
from sswd.pipe.worker_spec import WorkerSpec
from sswd.sequence import verbs_of
from sswd.sequence.verbs import to_plain
from sswd.worker.constructing import construction_problems, construction_warnings
from sswd.worker.handlers import problems_of
from sswd.worker.inspection import warnings_of
from sswd.worker.system import System

_SEQUENCE = "sswd.worker.sequence"
ACTION = "action"
"""The type of PVs whose handler may take no value."""


def check(factory: type, spec: WorkerSpec) -> None:
    """Refuse a class whose methods sswd cannot call. Raises LoadError."""
    own = _pvs_of(factory)
    actions = {pv for pv, keys in own.items() if keys.get("type") == ACTION}
    problems = problems_of(
        factory,
        is_system=issubclass(factory, System),
        pvs=("CMD", *own, *spec.pvs.forwarded),
        actions=actions.union(spec.pvs.actions),
    )
    if spec.inspect:
        problems += construction_problems(factory, spec.args)
    if problems:
        raise LoadError("; ".join(problems))


def loaded_of(factory: Any, spec: WorkerSpec) -> Loaded:
    """What the IOC is told of the class."""
    is_system = issubclass(factory, System)
    return Loaded(
        PROTOCOL,
        _pvs_of(factory),
        list(to_plain(verb.signature for verb in verbs_of(factory).values())),
        restored_of(factory),
        _warnings_of(factory, spec) if spec.inspect else [],
        in_order_of(factory),
        has_connect=is_system and callable(getattr(factory, "connect", None)),
        takes_setpoints=is_system,
        reads_language=_reads_language(factory),
        outline=_outline_of(factory) if spec.outline else None,
    )


def _reads_language(factory: type) -> bool:
    """Whether it is a SequenceSystem, which nobody else has to import."""
    return any(base.__module__ == _SEQUENCE for base in factory.__mro__)


def _outline_of(factory: type) -> Outline:
    from sswd.worker.outline import outline_of  # no other worker needs it

    if (own := getattr(factory, "sswd_outline", None)) is not None:
        found: Outline = own()  # of a wrapped driver
        return found
    return outline_of(factory)


def _warnings_of(factory: type, spec: WorkerSpec) -> list[str]:
    found = construction_warnings(factory, spec.args, has_motors=bool(spec.motors))
    return [*found, *warnings_of(factory)]


def restored_of(factory: Any) -> list[str]:
    """PVs whose last values the class wants back in a new run."""
    return _names_of(factory, "restored")


def in_order_of(factory: Any) -> list[str]:
    """PVs whose every post is published."""
    return _names_of(factory, "in_order")


def _names_of(factory: Any, attribute: str) -> list[str]:
    found = getattr(factory, attribute, ())
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise LoadError(
            f"{factory.__name__}.{attribute} is {found!r}; give a list of PV names"
        )
    return [str(pv) for pv in found]


def _pvs_of(factory: Any) -> dict[str, dict[str, Any]]:
    pvs = getattr(factory, "pvs", {})
    if not isinstance(pvs, Mapping):
        kind = type(pvs).__name__
        raise LoadError(
            f"{factory.__name__}.pvs is a {kind}; give a dict of the class, "
            'pvs = {"NAME": {"type": "float"}}'
        )
    for name, keys in pvs.items():
        if not isinstance(keys, Mapping):
            raise LoadError(
                f"{factory.__name__}.pvs: {name} is {keys!r}; give a dict of keys, "
                '{"type": "float"} for one'
            )
    return {str(name): dict(keys) for name, keys in pvs.items()}
