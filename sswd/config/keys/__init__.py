"""The configuration's keys: frozen structs with their types, bounds and defaults.

Every key's one-line description stands here and nowhere else; the JSON Schema and
docs/reference/configuration.md are made from it. What one type cannot say (that
`limits` rise, that an enum has strings) is in rules.py.
"""

from sswd.config.keys.access import AccessConfig
from sswd.config.keys.limits import LimitsConfig
from sswd.config.keys.log import AuditConfig, LogConfig
from sswd.config.keys.motor import MotorConfig
from sswd.config.keys.outside import MetricsConfig, RecsyncConfig
from sswd.config.keys.policies import CommandConfig, RestartConfig, TriggerConfig
from sswd.config.keys.pv import PvConfig, PvType, Scalar
from sswd.config.keys.state import StateConfig
from sswd.config.keys.system import Config, SystemConfig

__all__ = [
    "AccessConfig",
    "AuditConfig",
    "CommandConfig",
    "Config",
    "LimitsConfig",
    "LogConfig",
    "MetricsConfig",
    "MotorConfig",
    "PvConfig",
    "PvType",
    "RecsyncConfig",
    "RestartConfig",
    "Scalar",
    "StateConfig",
    "SystemConfig",
    "TriggerConfig",
]
