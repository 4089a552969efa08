"""The last commands of the systems.

Threading model: the loop's own.
"""

from collections.abc import Sequence

from sswd.control.protocol import Answer, Commands, Entry
from sswd.ioc.commands.history import Ended
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.control.operate import ALL, named
from sswd.ioc.template import Server


def tell(api: DaemonApi, request: Commands) -> Sequence[Answer]:
    """Those that have ended, run and wait, in the order in which they came."""
    found: list[Entry] = []
    for server in named(api, request.system or ALL):
        if server.served is not None:
            history = server.served.dispatcher.history()
            found += [_entry(server, ended) for ended in history]
    return sorted(found, key=lambda entry: entry.at)[-request.last :]


def _entry(server: Server, ended: Ended) -> Entry:
    return Entry(
        system=server.system_name,
        prefix=server.prefix,
        id=ended.id,
        pv=ended.pv,
        value=ended.value,
        who=ended.who,
        at=ended.at,
        waited=ended.waited_s,
        ran=ended.ran_s,
        state=ended.state.name,
        error=ended.error,
    )
