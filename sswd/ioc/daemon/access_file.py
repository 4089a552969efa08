"""Reads the access security file of a configuration, and asks for the addresses of the
hosts that it names.

It waits for the disk, and ASK_S for DNS: on the main thread at the start,
later on the thread that reads the configuration again.
"""

import logging
import stat
from collections.abc import Sequence
from pathlib import Path

from sswd.access import Acf, Rules, read_acf
from sswd.config.keys import Config
from sswd.config.rules import asgs
from sswd.errors import ConfigError
from sswd.ioc.daemon.host_addresses import HostAddresses

log = logging.getLogger("sswd.ioc")

MAX_BYTES = 1 << 20
ASK_S = 2.5
"""So long a start, or a reload, waits for DNS."""


def read_rules(config: Config, folder: Path, asker: HostAddresses) -> Rules | None:
    """The rules of a configuration in `folder`; None: it names no file.

    A host whose address does not come within ASK_S has none yet. Raises ConfigError:
    the file, the line, and the mend.
    """
    acf = read_file(config, folder)
    if acf is None:
        return None
    if config.access.hosts == "name":
        return Rules(acf)
    hosts = {host for group in acf.hosts.values() for host in group}
    return Rules(acf, _addresses(sorted(hosts), asker))  # numbers first


def read_file(config: Config, folder: Path) -> Acf | None:
    """The file as data; nobody is asked for addresses. Raises ConfigError."""
    access = config.access
    if access.file is None:
        return None
    path = folder / access.file
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a FIFO would be waited for
            raise ConfigError(f"access.file: {path} is no file")
        if found.st_size > MAX_BYTES:
            raise ConfigError(f"access.file: {path} has more than {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8", errors="backslashreplace")
    except OSError as ex:
        raise ConfigError(f"access.file: {path}: {ex.strerror}") from ex
    try:
        acf = read_acf(text, access.macros)
    except ConfigError as ex:
        raise ConfigError(f"{path}: {ex}") from ex
    for key, asg in asgs(config):
        # EPICS base takes DEFAULT for one that is not there, and says nothing.
        if asg is None or asg in acf.groups:
            continue
        known = ", ".join(acf.groups)
        raise ConfigError(f"{key}: there is no ASG({asg}) in {path}: {known}")
    return acf


def check_running(running: Config, rules: Rules | None) -> None:
    """What is served until the daemon is restarted has its groups, too: without them
    DEFAULT would count, and open what was protected. Raises ConfigError."""
    groups = None if rules is None else rules.acf.groups
    file = running.access.file
    lacks = "no file has" if file is None else f"{file} does not have"
    for key, asg in asgs(running):
        if groups is None and key == "access.asg":
            continue
        if asg is not None and (groups is None or asg not in groups):
            raise ConfigError(
                f"{key}: what it is about is served until the daemon is restarted, and "
                f"is in ASG({asg}), which {lacks}; keep that group until then"
            )


def missing_group(acf: Acf, file: str, pv: str, asg: str | None) -> str:
    """Words about a PV of a class whose group the file does not have; empty: it has.

    No mistake of the site's, as it is in the configuration: drivers are shared.
    """
    if asg is None or asg in acf.groups:
        return ""
    words = f"{pv}: its class says ASG({asg}), which {file} does not have"
    return f"{words}: DEFAULT counts"


def _addresses(hosts: Sequence[str], asker: HostAddresses) -> dict[str, frozenset[str]]:
    """The IPv4 addresses of each host, by its name or address.

    One that has none within ASK_S is told, and is nobody until it has one.
    """
    asker.ask(hosts)
    found = {}
    for host, answer in asker.answers(hosts, ASK_S).items():
        if isinstance(answer, str):
            words = "no address of %r in a HAG: %s; no client is taken for it until "
            words += "it has one"
            log.warning(words, host, answer)
        found[host] = frozenset() if isinstance(answer, str) else answer
    return found
