"""The JSON Schema of the configuration, for editors of TOML.

In the subset on which drafts 7 and 2020-12 agree: Taplo (the editors' TOML server)
knows nothing newer than draft 7, in which `prefixItems` and `$defs` mean nothing.
"""

from typing import Any

import msgspec

from sswd.config.keys import Config, PvConfig

_NULL = {"type": "null"}
_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_NO_TEXT = ("number", "integer", "boolean", "array")


def schema() -> dict[str, Any]:
    """A JSON Schema of `sswd run`'s TOML file, as plain data for json.dumps."""
    _, components = msgspec.json.schema_components(
        [Config], ref_template="#/definitions/{name}"
    )
    definitions = {name: _portable(part) for name, part in components.items()}
    for part in definitions.values():
        keys = part.get("properties", {})
        part["properties"] = {key: _or_variable(keys[key]) for key in keys}
    definitions[PvConfig.__name__]["allOf"] = [
        _required_with("enum", "strings"),
        _required_with("bytes", "length"),
    ]
    root = definitions.pop(Config.__name__)
    root["properties"]["system"]["minProperties"] = 1
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **root,
        "title": "sswd configuration",
        "definitions": definitions,
    }


def _or_variable(part: dict[str, Any]) -> dict[str, Any]:
    """`part`, or a text with a variable of the environment where it is no text.

    "${PORT}" is read as the number that it stands for; no editor may call it wrong.
    """
    if "items" in part and isinstance(part["items"], dict):
        part = part | {"items": _or_variable(part["items"])}
    if isinstance(others := part.get("additionalProperties"), dict):
        part = part | {"additionalProperties": _or_variable(others)}
    if "anyOf" in part:
        is_text = {"type": "string"} in part["anyOf"]
        choices = [*part["anyOf"], *([] if is_text else [_VARIABLE])]
        return part | {"anyOf": choices}
    if part.get("type") not in _NO_TEXT and "enum" not in part:
        return part
    about = {key: part[key] for key in part if key in ("description", "default")}
    rest = {key: part[key] for key in part if key not in about}
    return about | {"anyOf": [rest, _VARIABLE]}


def _required_with(pv_type: str, key: str) -> dict[str, Any]:
    of_type = {"properties": {"type": {"const": pv_type}}, "required": ["type"]}
    return {"if": of_type, "then": {"required": [key]}}


def _portable(part: Any) -> Any:
    """`part` in the common subset of the drafts, without TOML's missing null."""
    if isinstance(part, list | tuple):
        return [_portable(value) for value in part]
    if not isinstance(part, dict):
        return part
    rest = {key: _portable(value) for key, value in part.items()}
    if "prefixItems" in rest:
        # A tuple of one type: an array, whose minItems and maxItems are there.
        rest["items"] = rest.pop("prefixItems")[0]
    if _NULL in rest.get("anyOf", ()):
        choices = [choice for choice in rest.pop("anyOf") if choice != _NULL]
        del rest["default"]
        rest |= choices[0] if len(choices) == 1 else {"anyOf": choices}
    if "$ref" in rest and len(rest) > 1:
        # Beside $ref, draft 7 ignores every other key.
        rest["allOf"] = [{"$ref": rest.pop("$ref")}]
    return rest
