"""The declared PVs of one system: of the configuration, the class, and `declare()`.

None is ever removed, and none changes its type: clients keep what they found. Limits,
units and states may follow the instrument.

Threading model: the loop's own.
"""

import logging
from collections.abc import Callable, Container, Mapping

from msgspec.structs import replace

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
from sswd.ioc.system.class_pvs import MAX_PVS
from sswd.ioc.system.template_api import TemplateApi
from sswd.pipe.protocol import Properties
from sswd.ratelimit import OncePerKey
from sswd.sizes import NAME_CHARACTERS

log = logging.getLogger("sswd.ioc")

MAX_TOLD = 100
"""Refusals in the log, of one system."""
MAX_WORDS = 500


class SystemPvs:
    """Serves them, and knows their keys."""

    def __init__(
        self,
        name: str,
        configured: Mapping[str, PvConfig],
        publisher: Publisher,
        template: TemplateApi,
        forward: Forward,
        on_served: Callable[[str, PvConfig, Channel], None],
    ) -> None:
        """`configured` are served at once. `on_served` is told of each PV."""
        self._name = name
        self._configured = configured
        self._publisher = publisher
        self._template = template
        self._forward = forward
        self._declared: dict[str, PvConfig] = {}
        self._on_served = on_served
        self._told = OncePerKey(MAX_TOLD)
        for pv, config in configured.items():
            refusal = self.declare_pv(pv, config, given=configured)
            if refusal is not None:
                self._tell("a PV is not served", refusal)

    def config_of(self, pv: str) -> PvConfig | None:
        """The keys of a PV; None: it is not a declared one."""
        return self._declared.get(pv)

    def take_groups(self, configured: Mapping[str, PvConfig]) -> None:
        """The configuration has been read again: only who may do what follows it."""
        for name, keys in with_companions(configured).items():
            known = self._declared.get(name)
            if known is not None:
                self._declared[name] = replace(known, asg=keys.asg)

    def declare_found(
        self, pvs: Mapping[str, Mapping[str, object]], origin: str
    ) -> None:
        """Serve what the worker declares when it is connected."""
        for name, keys in pvs.items():
            try:
                config = pv_from_dict(name, keys, origin)
                refusal = self.declare_pv(name, config, given=pvs)
            except ConfigError as ex:
                refusal = str(ex)
            if refusal is not None:
                self._tell("a PV is not served", refusal)

    def declare_pv(
        self, name: str, config: PvConfig, given: Container[str] = ()
    ) -> str | None:
        """Serve this PV and its companions, but for names in `given`, which are served
        by themselves. A name known stays. Words: it is not served so, and why."""
        known = self._declared.get(name)
        found_so_far = len(self._declared) - len(self._configured)
        is_found = known is None and name not in self._configured
        if is_found and found_so_far >= MAX_PVS:
            return f"{name} is one more than {MAX_PVS} PVs beside the configuration's"
        if known is None:
            found = with_companions({name: config}).items()
            refusals = (
                self._serve(each, keys)
                for each, keys in found
                if each == name or not (each in given or each in self._declared)
            )
            return "; ".join(filter(None, refusals)) or None
        if name in self._configured or is_same_kind(known, config):
            return None
        return (
            f"{name} is served as {kind_words(known)} until the IOC is restarted, and "
            f"cannot become {kind_words(config)}"
        )

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
            self._tell(f"properties of {wanted.pv} refused", str(ex))
            return
        for name, config in changed.items():
            self._declared[name] = config
            fed = self._publisher.fed_pv(name)
            if fed is not None:
                show_properties(config, fed.data)

    def _serve(self, name: str, config: PvConfig) -> str | None:
        """Serve one PV from now on, by its aliases too. Words: it is not, and why."""
        prefix = self._template.prefix
        for whole in (prefix + name, *config.aliases):
            if len(whole) > NAME_CHARACTERS:
                return f"the name {whole} is longer than {NAME_CHARACTERS} bytes"
            if self._template.is_served(whole):
                return f"the name {whole} is taken already in this daemon"
        [channel] = declare(
            {name: config}, prefix=prefix, forward=self._forward
        ).values()
        target = FedPv(
            channel,
            is_writable=config.takes_puts,
            finite=config.finite,
            rules=channel.rules,
            stale_s=config.stale_s,
        )
        target.shape = config.shape
        self._publisher.add(name, target, is_fed=True)
        self._declared[name] = config
        self._on_served(name, config, channel)
        names = (channel.pvname, *config.aliases)
        self._template.add_pvs(dict.fromkeys(names, channel))
        return None

    def _tell(self, what: str, words: str) -> None:
        """Log it, unless it was told before."""
        if self._told.is_new(words):
            log.error("system '%s': %s: %s", self._name, what, words[:MAX_WORDS])
