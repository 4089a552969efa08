"""What tells systems outside EPICS of this daemon: RecSync and metrics.

Threading model: the loop's own.
"""

import asyncio
import importlib.util
import os
from typing import TYPE_CHECKING

from sswd.config.keys import Config, MetricsConfig, RecsyncConfig
from sswd.config.rules import host_and_port
from sswd.errors import ConfigError
from sswd.ioc.daemon.control.api import DaemonApi
from sswd.ioc.daemon.recsync.caster import Caster
from sswd.ioc.daemon.recsync.records import infos

if TYPE_CHECKING:
    from sswd.ioc.daemon.metrics.http import MetricsServer


def check_installed(config: Config) -> None:
    """Raises ConfigError for a key that needs a library that is not there."""
    if config.metrics.listen and importlib.util.find_spec("prometheus_client") is None:
        text = "metrics.listen needs prometheus-client: pip install 'sswd[metrics]'"
        raise ConfigError(text)


class Outside:
    """Both, where the configuration wants them, from `open` to `close`."""

    def __init__(
        self, recsync: RecsyncConfig, metrics: MetricsConfig, api: DaemonApi
    ) -> None:
        self._recsync = recsync
        self._metrics = metrics
        self._api = api
        self._casting: asyncio.Task[None] | None = None
        self._server: MetricsServer | None = None

    async def open(self) -> None:
        """Begin."""
        if self._recsync.enabled:
            caster = Caster(self._api.pvdb, self._infos, port=self._recsync.port)
            self._casting = asyncio.get_running_loop().create_task(caster.run())
        if self._metrics.listen:
            await self._serve_metrics(self._metrics.listen)

    async def close(self) -> None:
        """Hang up."""
        if self._casting is not None:
            self._casting.cancel()
            await asyncio.wait({self._casting})
        if self._server is not None:
            await self._server.close()

    async def _serve_metrics(self, listen: str) -> None:
        from sswd.ioc.daemon.metrics.http import MetricsServer
        from sswd.ioc.daemon.metrics.sample import Sample, take

        api = self._api

        def sample() -> Sample:
            return take(
                api.servers,
                api.context.counts,
                api.statistics,
                version=api.version,
                prefix=api.prefixes[0],
            )

        self._server = MetricsServer(*host_and_port(listen), sample)
        await self._server.open()

    def _infos(self) -> dict[str, str]:
        api = self._api
        return infos(
            self._recsync.infos,
            os.environ,
            prefix=api.prefixes[0] or api.prefixes[-1],
            port=getattr(api.context, "port", 0) or 0,
        )
