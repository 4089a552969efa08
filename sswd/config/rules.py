"""What values of the configuration go together; pure.

The functions yield (key, text) pairs: the key where the mistake is, relative to what
was given ("" for itself), and words that tell the mend.
"""

import re
from collections.abc import Iterator
from os.path import normpath

from sswd import guard
from sswd.config.companions import with_companions
from sswd.config.keys import (
    Config,
    LogConfig,
    MetricsConfig,
    RestartConfig,
    SystemConfig,
    TriggerConfig,
)
from sswd.config.names import (
    LONGEST_NAME,
    NAME_BYTES,
    STATISTICS_PREFIX,
    Problem,
    characters,
    prefix_rule,
)
from sswd.config.targets import is_class, wrapped_kind

PREFIX_CHARACTERS = NAME_BYTES - len(LONGEST_NAME)
MARK = guard.VARIABLE
READ_AT_START = (
    *("PYTHON", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG"),
    *("OPENBLAS_", "OMP_", "MKL_", "GOTO_", "BLIS_", "NPY_", "NUMPY_"),
)
"""What variables begin with that Python, its C library or numpy reads once."""
INPUTS = 64
INPUT_NAME = 40
_SYSTEM_NAME = re.compile(r"[A-Za-z0-9_-]+")


def restart(config: RestartConfig) -> Iterator[Problem]:
    """What is wrong within a restart table."""
    if config.max_delay_s < config.delay_s:
        text = f"{config.max_delay_s:g} is below delay_s = {config.delay_s:g}"
        yield "max_delay_s", text


def trigger(config: TriggerConfig) -> Iterator[Problem]:
    """What is wrong within a trigger table."""
    if not config.pv or re.search(r"\s", config.pv):
        yield "pv", f"{config.pv!r} is no PV name; give the whole name, with its prefix"
    if config.key == "":
        yield "key", "is empty; leave it out to take the system's name"
    if not config.put:
        yield "put", 'is empty; leave it out to take "INDEX"'


def system_name(name: str) -> Iterator[Problem]:
    """What is wrong with a system's name, which also names files and log lines."""
    if not _SYSTEM_NAME.fullmatch(name):
        yield "", f"{name!r} is no system name; use letters, digits, _ and -"


def system(config: SystemConfig) -> Iterator[Problem]:
    """What is wrong within one system's table, its PVs and sub-tables aside."""
    for key, thing in (("target", "Class"), ("group", "Class"), ("park", "function")):
        text = getattr(config, key)
        is_wrapped = key == "target" and wrapped_kind(str(text))
        if text is not None and not is_wrapped and not is_class(text):
            yield key, f'{text!r} is no "module:{thing}"'
    yield from _wrapped(config)
    for key in config.args:
        if not key.isidentifier():
            yield "args", f"{key!r} cannot be the name of a keyword argument"
    for _, text in prefix_rule(config.prefix):
        yield "prefix", text
    for variable, text in config.env.items():
        if not variable or "=" in variable or "\0" in variable + text:
            yield "env", f"{variable!r} cannot be a variable of an environment"
        if variable == MARK:
            yield "env", f"{variable} is sswd's own: it marks the worker's processes"
    yield from _forked(config)
    yield from _inputs(config)


def _forked(config: SystemConfig) -> Iterator[Problem]:
    """Keys that cannot hold for a process that began before they were read."""
    if config.start != "fork":
        return
    if config.python is not None:
        text = "fork is of the daemon's own Python; leave out python, or take spawn"
        yield "start", text
    for variable in config.env:
        if variable.startswith(READ_AT_START):
            text = f"{variable} is read when Python or numpy begins, and a fork has "
            yield (
                "env",
                text + 'them from before; leave it out, or take start = "spawn"',
            )


def _wrapped(config: SystemConfig) -> Iterator[Problem]:
    """Keys that say something to wrapped drivers only."""
    if wrapped_kind(config.target):
        return
    words = "is for a driver of pymeasure:, qcodes:, object: or scpi:"
    if config.ping:
        yield "ping", f"{words}; a system has a method ping()"
    for pv, keys in config.pvs.items():
        if keys.attribute:
            yield f"pvs.{pv}.attribute", words
        if keys.poll_s is not None:
            yield f"pvs.{pv}.poll_s", f"{words}; a system has @every({keys.poll_s:g})"


def _inputs(config: SystemConfig) -> Iterator[Problem]:
    if len(config.inputs) > INPUTS:
        yield "inputs", f"{len(config.inputs)} of them; a system has at most {INPUTS}"
    for name, pv in config.inputs.items():
        if not (name.isidentifier() and len(name) <= INPUT_NAME):
            yield "inputs", f"{name!r} cannot be part of a method's name"
        record = pv.partition(".")[0]
        if not record or len(pv) > NAME_BYTES:
            yield "inputs", f"{name}: {pv!r} is no PV name of 1 to {NAME_BYTES} bytes"
        for _, text in characters(record):
            yield "inputs", f"{name}: {text}"
    for pv, keys in config.pvs.items():
        for name in keys.depends:
            if name not in config.inputs:
                yield f"pvs.{pv}.depends", f"{name!r} is none of the system's inputs"


def host_and_port(text: str) -> tuple[str, int]:
    """Of "127.0.0.1:9117" or "[::1]:9117". Raises ValueError in words."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f'{text!r} is no "address:port"')
    try:
        host.encode("idna")  # as the resolver does
    except UnicodeError:
        words = f"{host!r} is no host: a part of the name is empty or too long"
        raise ValueError(words) from None
    return host.strip("[]"), int(port)


def log(config: LogConfig) -> Iterator[Problem]:
    """What is wrong within the table of the log."""
    if config.syslog is not None and not config.syslog.startswith("/"):
        try:
            host_and_port(config.syslog)
        except ValueError as error:
            yield "syslog", f"{error}, nor the path of a socket"


def metrics(config: MetricsConfig) -> Iterator[Problem]:
    """What is wrong within the table of metrics."""
    if config.listen is not None:
        try:
            host_and_port(config.listen)
        except ValueError as error:
            yield "listen", str(error)


def whole(config: Config) -> Iterator[Problem]:
    """What is wrong between systems: prefixes and the full names of declared PVs."""
    for _, text in prefix_rule(config.prefix):
        yield "prefix", text
    if not config.system:
        yield "system", 'no system; add a table [system.NAME] with target = "mod:Class"'
    yield from _asgs(config)
    yield from _files(config)
    prefixes: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, system in config.system.items():
        key = f"system.{name}.prefix"
        prefix = config.prefix_of(name)
        if len(config.system) > 1 and not system.prefix:
            yield key, "missing: with several systems each needs a prefix of its own"
        elif prefix in prefixes:
            yield key, f"{prefix!r} is also the prefix of system {prefixes[prefix]}"
        elif len(prefix) > PREFIX_CHARACTERS:
            text = f"{prefix!r} has {len(prefix)} characters; {PREFIX_CHARACTERS} "
            text += f"leave room for {LONGEST_NAME} in EPICS's {NAME_BYTES}"
            yield key, text
        prefixes[prefix] = name
        for pv, keys in with_companions(system.pvs).items():
            where = f"system.{name}.pvs.{pv}"
            for full in (prefix + pv, *keys.aliases):
                yield from _full_name(where, full, names, config.prefix)
        for motor in system.motors:
            where = f"system.{name}.motors.{motor}"
            yield from _full_name(where, prefix + motor, names, config.prefix)


def _files(config: Config) -> Iterator[Problem]:
    """Two writers would rotate each other's file."""
    log_file, audit_file = config.log.file, config.audit.file
    if log_file and audit_file and normpath(log_file) == normpath(audit_file):
        yield "audit.file", f"{audit_file!r} is also the file of [log]; name another"


def _asgs(config: Config) -> Iterator[Problem]:
    """Groups that would be without effect."""
    if config.access.file is not None:
        return
    for key, asg in asgs(config):
        if asg is not None and key != "access.asg":
            yield key, f"{asg!r} is in no file; name it: [access] file"
    if config.access.macros:
        yield "access.macros", "are for no file; name it: [access] file"


def asgs(config: Config) -> Iterator[tuple[str, str | None]]:
    """Every access security group that is named, with its key."""
    yield "access.asg", config.access.asg
    for name, system in config.system.items():
        yield from asgs_of(f"system.{name}", system)


def asgs_of(path: str, system: SystemConfig) -> Iterator[tuple[str, str | None]]:
    """Those that one system names."""
    yield f"{path}.asg", system.asg
    for pv, keys in system.pvs.items():
        yield f"{path}.pvs.{pv}.asg", keys.asg
    for motor, axis in system.motors.items():
        yield f"{path}.motors.{motor}.asg", axis.asg


def _full_name(
    where: str, full: str, names: dict[str, str], prefix: str
) -> Iterator[Problem]:
    if len(full) > NAME_BYTES:
        yield where, f"{full!r} has {len(full)} characters; EPICS takes {NAME_BYTES}"
    if full in names:
        yield where, f"{full!r} is also the name of {names[full]}"
    elif full.startswith(prefix + STATISTICS_PREFIX):
        yield where, f"{full!r} is among the IOC statistics; choose another name"
    names[full] = where
