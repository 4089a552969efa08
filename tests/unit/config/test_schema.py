"""The JSON Schema accepts what load() accepts, in editors that know only draft 7."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from sswd import config
from sswd.errors import ConfigError

REFERENCE = Path(__file__).parents[3] / "docs/reference/configuration.md"
EXAMPLE = REFERENCE.read_text().split("```toml\n")[1].split("```")[0]

# Keywords that mean the same in draft 7 and draft 2020-12.
ANNOTATIONS = {"$schema", "title", "description", "default", "definitions"}


def valid(schema: dict, value: object, root: dict) -> bool:
    """Whether `value` fits; a validator of just the keywords that we use."""
    return all(
        check(schema, expected, value, root)
        for keyword, expected in schema.items()
        if keyword not in ANNOTATIONS
        for check in [KEYWORDS[keyword]]
    )


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: object) -> bool:
    return is_number(value) and value == int(value)


TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "number": is_number,
    "integer": is_integer,
}


def resolve(schema, ref, value, root):
    return valid(root["definitions"][ref.removeprefix("#/definitions/")], value, root)


def properties(schema, known, value, root):
    return all(valid(known[k], v, root) for k, v in dict(value).items() if k in known)


def additional(schema, other, value, root):
    extra = [v for k, v in value.items() if k not in schema.get("properties", {})]
    return not extra if other is False else all(valid(other, v, root) for v in extra)


KEYWORDS = {
    "$ref": resolve,
    "type": lambda s, name, v, r: TYPES[name](v),
    "enum": lambda s, choices, v, r: v in choices,
    "const": lambda s, choice, v, r: v == choice,
    "properties": properties,
    "additionalProperties": additional,
    "required": lambda s, keys, v, r: all(key in v for key in keys),
    "minProperties": lambda s, least, v, r: len(v) >= least,
    "items": lambda s, item, v, r: all(valid(item, x, r) for x in v),
    "minItems": lambda s, least, v, r: len(v) >= least,
    "maxItems": lambda s, most, v, r: len(v) <= most,
    "minimum": lambda s, least, v, r: v >= least,
    "maximum": lambda s, most, v, r: v <= most,
    "exclusiveMinimum": lambda s, bound, v, r: v > bound,
    "pattern": lambda s, pattern, v, r: bool(re.search(pattern, v)),
    "anyOf": lambda s, parts, v, r: any(valid(part, v, r) for part in parts),
    "allOf": lambda s, parts, v, r: all(valid(part, v, r) for part in parts),
    "if": lambda s, test, v, r: not valid(test, v, r) or valid(s["then"], v, r),
    "then": lambda s, part, v, r: True,
}


def test_it_is_plain_json():
    assert json.loads(json.dumps(config.schema(), allow_nan=False)) == config.schema()


def parts(schema: object):
    """All schemas within a schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from parts(part)
    elif isinstance(schema, dict):
        yield schema
        for key, part in schema.items():
            if key in ("properties", "definitions"):
                for named in part.values():
                    yield from parts(named)
            elif key != "default":
                yield from parts(part)


def test_only_keywords_on_which_the_drafts_agree():
    used = {key for part in parts(config.schema()) for key in part}
    assert used <= ANNOTATIONS | set(KEYWORDS)
    assert not any("$ref" in part and len(part) > 1 for part in parts(config.schema()))


def test_every_key_is_described():
    tables = [config.schema(), *config.schema()["definitions"].values()]
    for table in tables:
        assert table["description"]
        assert all(key.get("description") for key in table["properties"].values())


def accepts(mapping: dict) -> bool:
    try:
        jsonschema = pytest.importorskip("jsonschema")
    except pytest.skip.Exception:
        return valid(config.schema(), mapping, config.schema())
    return jsonschema.Draft202012Validator(config.schema()).is_valid(mapping)


def test_the_example_is_valid():
    assert accepts(tomllib.loads(EXAMPLE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('prefix = "LAB:"', 'prefx = "LAB:"'),
        ('target = "mylab.stage:Stage"', ""),
        ('type = "float"', 'type = "flaot"'),
        ('type = "float"', ""),
        ("limits = [0.0, 20.0]", "limits = [0.0]"),
        ("limits = [0.0, 20.0]", 'limits = [0.0, "x"]'),
        ("writable = true", "writable = 1"),
        ("length = 4194304", ""),
        ("length = 4194304", "length = 0"),
        ('strings = ["off", "slow", "fast"]', ""),
        ("delay_s = 0.5", "delay = 0.5"),
        ("delay_s = 0.5", "delay_s = 0"),
        ("timeout_s = 60.0", 'timeout_s = "60"'),
        ("timeout_s = 60.0", "abort_s = [1, 2]"),
        ("timeout_s = 60.0", 'on_down = "wait"'),
    ],
)
def test_what_load_refuses_is_invalid(old, new):
    assert old in EXAMPLE
    mapping = tomllib.loads(EXAMPLE.replace(old, new, 1))
    assert not accepts(mapping)
    with pytest.raises(ConfigError):
        config.from_dict(mapping, "f.toml")


VARIABLES = """\
[limits]
connections = "${MOST}"
idle_s = "${IDLE:-60}"
[log]
format = "${FORMAT}"
levels = { "sswd.ioc" = "${LEVEL}" }
[system.x]
target = "a:B"
enabled = "${ON}"
cpus = ["${CPU}"]
hosts = "${HOSTS}"
ping_s = "${PING}"
[system.x.pvs.N]
type = "int"
value = "${START}"
limits = ["${LOW}", 10]
precision = "${DIGITS}"
"""


def test_a_variable_may_stand_for_any_value():
    schema = config.schema()
    assert valid(schema, tomllib.loads(VARIABLES), schema)


@pytest.mark.parametrize("line", VARIABLES.splitlines())
def test_another_text_is_no_number(line):
    if "${" not in line or line.startswith(("value", "hosts")):
        return  # of these a text is one of the types, or the mistake is another one
    table = tomllib.loads(VARIABLES.replace(line, re.sub(r"\$\{[^}]*\}", "x", line)))
    schema = config.schema()
    assert not valid(schema, table, schema)
