"""docs/reference/configuration.md lists every key with its default, as in the code.

After a change of sswd/config/keys, SSWD_WRITE_DOCS=1 rewrites the tables.
"""

import json
import os
from pathlib import Path

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from sswd import config

REFERENCE = Path(__file__).parents[3] / "docs/reference/configuration.md"
MARK = "<!-- keys -->\n"
TABLES = {
    "Top level": config.Config,
    "`[limits]`": config.LimitsConfig,
    "`[log]`": config.LogConfig,
    "`[audit]`": config.AuditConfig,
    "`[state]`": config.StateConfig,
    "`[recsync]`": config.RecsyncConfig,
    "`[metrics]`": config.MetricsConfig,
    "`[system.NAME]`": config.SystemConfig,
    "`[system.NAME.pvs.PV]`": config.PvConfig,
    "`[system.NAME.motors.MOTOR]`": config.MotorConfig,
    "`[system.NAME.restart]`": config.RestartConfig,
    "`[system.NAME.command]`": config.CommandConfig,
    "`[system.NAME.trigger]`": config.TriggerConfig,
}


def rows(cls: type) -> str:
    text = "| key | default | meaning |\n|---|---|---|\n"
    parts = [config.schema(), *config.schema()["definitions"].values()]
    described = next(p for p in parts if p["description"] == cls.__doc__)["properties"]
    for info in fields(cls):
        meaning = described[info.name]["description"].replace("|", "\\|")
        text += f"| `{info.name}` | {default(info)} | {meaning} |\n"
    return text


def default(info: FieldInfo) -> str:
    if info.required:
        return "*required*"
    if info.default is NODEFAULT or info.default in (None, "", ()):
        return ""
    return f"`{json.dumps(info.default)}`"


def test_the_tables_are_those_of_the_code():
    head, _, _ = REFERENCE.read_text().partition(MARK)
    expected = head + MARK
    for title, cls in TABLES.items():
        expected += f"\n## {title}\n\n{cls.__doc__}\n\n{rows(cls)}"
    if os.environ.get("SSWD_WRITE_DOCS"):
        REFERENCE.write_text(expected)
    assert REFERENCE.read_text() == expected
