"""The configuration: its keys, what goes together, its schema, reading it."""

from sswd.config.keys import (
    AuditConfig,
    CommandConfig,
    Config,
    LimitsConfig,
    LogConfig,
    MetricsConfig,
    MotorConfig,
    PvConfig,
    RecsyncConfig,
    RestartConfig,
    StateConfig,
    SystemConfig,
    TriggerConfig,
)
from sswd.config.names import RESERVED_PREFIXES, TEMPLATE_NAMES
from sswd.config.reader import from_dict, load, pv_from_dict
from sswd.config.schema import schema

__all__ = [
    "RESERVED_PREFIXES",
    "TEMPLATE_NAMES",
    "AuditConfig",
    "CommandConfig",
    "Config",
    "LimitsConfig",
    "LogConfig",
    "MetricsConfig",
    "MotorConfig",
    "PvConfig",
    "RecsyncConfig",
    "RestartConfig",
    "StateConfig",
    "SystemConfig",
    "TriggerConfig",
    "from_dict",
    "load",
    "pv_from_dict",
    "schema",
]
