"""The declared PVs of one system: of the configuration, the class, and `declare()`.

None is ever removed, and none changes its type: clients keep what they found. Limits,
units and states may follow the instrument.

Threading model: the loop's own.
"""

import logging
from collections.abc import Mapping
from typing import Any

from sswd.config import pv_from_dict
from sswd.config.companions import (
    READBACK,
    is_same_kind,
    kind_words,
    with_companions,
)
from sswd.config.keys import PvConfig
from sswd.errors import ConfigError
from sswd.ioc.pvs.channel import Channel
from sswd.ioc.pvs.declared import Forward, declare
from sswd.ioc.pvs.fed_pv import FedPv
from sswd.ioc.pvs.properties import Refused, changed_config, show_properties
from sswd.ioc.pvs.publisher import Publisher
from sswd.ioc.system.inputs import Inputs
from sswd.ioc.system.template_api import TemplateApi
from sswd.pipe.protocol import Properties

log = logging.getLogger("sswd.ioc")


class SystemPvs:
    """Serves them, and knows their keys."""

    def __init__(
        self,
        name: str,
        configured: Mapping[str, PvConfig],
        publisher: Publisher,
        inputs: Inputs,
        template: TemplateApi,
        forward: Forward,
    ) -> None:
        """`configured` are served at once."""
        self._name = name
        self._configured = configured
        self._publisher = publisher
        self._inputs = inputs
        self._template = template
        self._forward = forward
        self._declared: dict[str, PvConfig] = {}
        self._serve(configured)

    def config_of(self, pv: str) -> PvConfig | None:
        """The keys of a PV; None: it is not a declared one."""
        return self._declared.get(pv)

    def declare_found(self, pvs: Mapping[str, Mapping[str, Any]], origin: str) -> None:
        """Serve what the worker declares; names known stay, whatever type they have."""
        found: dict[str, PvConfig] = {}
        for name, keys in pvs.items():
            try:
                config = pv_from_dict(name, keys, origin)
            except ConfigError as ex:
                log.error(
                    "system '%s': a PV of the class is not served: %s", self._name, ex
                )
                continue
            known = self._declared.get(name)
            if known is None:
                found[name] = config
            elif name not in self._configured and not is_same_kind(known, config):
                log.error(
                    "system '%s': %s is served as %s until the IOC is restarted, and "
                    "cannot become %s",
                    self._name,
                    name,
                    kind_words(known),
                    kind_words(config),
                )
        self._serve(found)

    def change(self, wanted: Properties) -> None:
        """The driver has new limits, units or strings for a PV and its readback."""
        names = [wanted.pv]
        known = self._declared.get(wanted.pv)
        if known is not None and known.readback:
            names.append(wanted.pv + READBACK)
        try:
            changed = {
                name: changed_config(self._declared.get(name), wanted) for name in names
            }
        except Refused as ex:
            log.error(
                "system '%s': properties of %s refused: %s", self._name, wanted.pv, ex
            )
            return
        for name, config in changed.items():
            self._declared[name] = config
            fed = self._publisher.fed_pv(name)
            if fed is not None:
                show_properties(config, fed.data)

    def _serve(self, pvs: Mapping[str, PvConfig]) -> None:
        """Serve these PVs and their companions from now on."""
        if not pvs:
            return
        pvs = with_companions(pvs)
        channels = declare(pvs, prefix=self._template.prefix, forward=self._forward)
        for name, config in pvs.items():
            target = FedPv(
                channels[name],
                is_writable=config.takes_puts,
                finite=config.finite,
                rules=channels[name].rules,
                stale_s=config.stale_s,
            )
            target.shape = config.shape
            self._publisher.add(name, target, is_fed=True)
            if config.depends:
                self._inputs.add_dependent(name, config.depends)
        self._declared.update(pvs)
        served: dict[str, Channel] = {c.pvname: c for c in channels.values()}
        for name, config in pvs.items():
            served.update(dict.fromkeys(config.aliases, channels[name]))
        self._template.add_pvs(served)
