"""What the chart `ioc-instance` of epics-containers makes of a values file.

No helm is to be had in a test: this builds the same objects as the chart's templates of
2026, as far as values.yaml has a say in them.
"""

from typing import Any

Values = dict[str, Any]
Manifest = dict[str, Any]

DEFAULTS: Values = {
    "ioc-instance": {
        "imagePullPolicy": "IfNotPresent",
        "hostNetwork": True,
        "command": ["bash", "-c"],
        "args": ["/epics/ioc/start.sh"],
        "startupProbe": {},
        "livenessProbe": {},
        "preStopExecutable": "/epics/ioc/stop.sh",
        "env": [],
        "securityContext": {},
        "podSecurityContext": {},
        "volumes": [],
        "volumeMounts": [],
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "100m", "memory": "64Mi"},
        },
    }
}
"""The chart's own values.yaml, as far as it is used here."""


def rendered(values: Values, name: str, config: dict[str, str]) -> list[Manifest]:
    """The manifests of one instance; `config` are the files of its config folder."""
    return [_config_map(name, config), _stateful_set(_merged(DEFAULTS, values), name)]


def _merged(defaults: Values, values: Values) -> Values:
    """As Helm merges: maps key by key, lists and scalars as a whole.

    A null stays the default. Helm does that or takes the key away, as its version and
    the way of the value want it (helm on GitHub, 12741 and 32132).
    """
    merged = dict(defaults)
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        elif value is not None:
            merged[key] = value
    return merged


def _config_map(name: str, config: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-config", "labels": {"app": name}},
        "data": config,
    }


def _stateful_set(values: Values, name: str) -> Manifest:
    labels = {"app": name, "ioc": "true", **_place(values)}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": _pod(values, name)},
        },
    }


def _place(values: Values) -> dict[str, str]:
    return {key: values["global"][key] for key in ("location", "domain")}


def _pod(values: Values, name: str) -> Manifest:
    ioc, domain = values["ioc-instance"], values["global"]["domain"]
    claims = {
        f"{kind}-volume": f"{domain}-{claim}-claim"
        for kind, claim in (
            ("runtime", "runtime"),
            ("opis", "opi"),
            ("autosave", "autosave"),
        )
    }
    volumes: list[Manifest] = [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
        for volume, claim in claims.items()
    ]
    volumes += [
        {"name": "config-volume", "configMap": {"name": f"{name}-config"}},
        *ioc["volumes"],
    ]
    return {
        "hostNetwork": ioc["hostNetwork"],
        "terminationGracePeriodSeconds": 3,
        "securityContext": ioc["podSecurityContext"],
        "volumes": volumes,
        "containers": [_container(ioc, name)],
    }


def _container(ioc: Values, name: str) -> Manifest:
    own = {
        "IOC_NAME": name,
        "IOC_PREFIX": name,
        "HOME": "/tmp",
        "TERM": "xterm-256color",
    }
    mounts: list[Manifest] = [
        {"name": "config-volume", "mountPath": "/epics/ioc/config"},
        {"name": "runtime-volume", "mountPath": "/epics/runtime", "subPath": name},
        {"name": "opis-volume", "mountPath": "/epics/opi", "subPath": name},
        {"name": "autosave-volume", "mountPath": "/autosave", "subPath": name},
        *ioc["volumeMounts"],
    ]
    stop = ["/bin/bash", ioc["preStopExecutable"]]
    return {
        "name": name,
        "image": ioc["image"],
        "imagePullPolicy": ioc["imagePullPolicy"],
        "command": ioc["command"],
        "args": ioc["args"],
        "startupProbe": ioc["startupProbe"],
        "livenessProbe": ioc["livenessProbe"],
        "lifecycle": {"preStop": {"exec": {"command": stop}}},
        "volumeMounts": mounts,
        "stdin": True,
        "tty": True,
        "securityContext": ioc["securityContext"],
        "resources": ioc["resources"],
        "env": [{"name": k, "value": v} for k, v in own.items()] + ioc["env"],
    }
