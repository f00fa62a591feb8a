"""Manifests, as a cluster would take them: Kubernetes' own schemas, and for other kinds the excerpts in crds.yaml."""

from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import yaml

# The oldest that deploy/ names, and the newest with a schema here.
VERSIONS = ("1.30", "1.37")
# Otherwise it reads its definitions anew for each manifest.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)


@cache
def _excerpts() -> dict:
    excerpts = yaml.safe_load(Path(__file__).with_name("crds.yaml").read_text())
    return {name: _strict(schema) for name, schema in excerpts.items()}


def _strict(schema):
    """Objects with `properties` refuse others, as the API server does on request."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _strict(part) for name, part in schema.items()}
    return {"additionalProperties": False, "type": "object", **parts} if isinstance(parts.get("properties"), dict) else parts


def check(document: dict):
    """Fails with what a cluster would say."""
    name = f"{document['kind']}.{document['apiVersion']}"
    assert all(isinstance(document["metadata"].get(field, ""), str) for field in ("name", "namespace")), document["metadata"]
    assert all(isinstance(label, str) for label in document["metadata"].get("labels", {}).values()), document["metadata"]
    if name in _excerpts():
        assert set(document) == {"apiVersion", "kind", "metadata", "spec"}, name
        jsonschema.validate(document["spec"], _excerpts()[name])
        return
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)
