"""The values of the Helm chart: described once, and refused where they would do something else than they say."""

import json
import re
import textwrap

import pytest
import yaml

from support.chart import CHART, POSTGRES, ROOT, SIGN_IN, Rendered, values
from support.helm import AVAILABLE, Helm, Refused

needs_helm = pytest.mark.skipif(not AVAILABLE, reason="there is no wheel of Helm's engine for this machine")

PEERS = {"addresses": ["10.0.0.0/8"]}
TWO = {"replicaCount": 2}
NO_PASSWORD = {"type": "postgres", "postgres": {"url": "postgres://gateway@db/gateway"}}
NO_URL = {"type": "postgres", "postgres": {"existingSecret": "db"}}
IN_THE_CLEAR = {"type": "postgres", "postgres": {**POSTGRES["postgres"], "url": "postgres://gateway:hunter2@db/gateway"}}


@pytest.fixture(scope="module")
def helm():
    helm = Helm()
    yield helm
    helm.close()


@needs_helm
@pytest.mark.parametrize("given, said", [
    ({}, "config.configData to issuers"),
    (values(config={"existingConfig": "mine"}), "both set"),
    (values(configData={"listeners": []}), "set tls and service instead"),
    (values(configData={"authorizers": []}), "set mode and authorizer instead"),
    (values(configData={"store": {}}), "set sessionStorage instead"),
    (values(configData={"state": {}}), "set persistence instead"),
    (values(configData={"admin": {"address": "0.0.0.0:1"}}), "set metrics.port instead"),
    (values(configData={"timeouts": {"drain": "9s"}}), "set drainSeconds instead"),
    (values(**TWO), "replicaCount 2 needs sessionStorage.type postgres"),
    (values(autoscaling={"enabled": True}), "autoscaling needs sessionStorage.type postgres"),
    ({"config": {"existingConfig": "mine"}, **TWO}, "replicaCount 2 needs sessionStorage.type postgres"),
    (values(sessionStorage={"type": "none"}, configData={"sign_in": SIGN_IN}), "configData.sign_in stores"),
    (values(sessionStorage={"type": "none"}, configData={"report": {"names": "hashed"}}), "configData.report stores"),
    (values(sessionStorage=NO_URL), "set sessionStorage.postgres.url"),
    (values(sessionStorage=IN_THE_CLEAR), "without a password"),
    (values(sessionStorage=NO_PASSWORD), "name the Secret with the password"),
    (values(sessionStorage=POSTGRES, persistence={"enabled": True}), "persistence.enabled is for sessionStorage.type sqlite"),
    (values(gatewayApi={"enabled": True}), "gatewayApi.gatewayRef.name"),
    (values(mode="ext-authz"), "nobody may ask the gateway"),
    (values(mode="ext-authz", authorizer={"kind": "nginx", "peers": PEERS}), "set it to envoy or envoy-http"),
    (values(mode="forward-auth", authorizer={"kind": "envoy", "peers": PEERS}), "set it to forward-auth or nginx"),
    (values(mode="ext-authz", authorizer={"peers": {"addresses": ["0.0.0.0/0"]}}), "networks of the proxy's pods"),
    (values(mode="ext-authz", authorizer={"peers": {"certificateNames": ["a"]}}), "set authorizer.tls.clientCA"),
    (values(mode="ext-authz", authorizer={"peers": PEERS, "tls": {"clientCA": True}}), "authorizer.tls.existingSecret"),
    (values(mode="ext-authz", authorizer={"peers": PEERS, "assertion": True}), "set config.configData.assertion"),
    (values(mode="ext-authz", authorizer={"peers": PEERS}, ingress={"enabled": True}), "ingress.enabled is for mode proxy"),
    (values(mode="sidecar", configData={"sign_in": SIGN_IN}), "the API's pods can't share SQLite"),
    (values(metrics={"port": 8080}), "metrics.port is 8080"),
    (values(mode="ext-authz", authorizer={"peers": PEERS, "portNumber": 9090}), "authorizer.portNumber is 9090"),
    (values(mode="ext-authz", authorizer={"peers": PEERS}, service={"portNumber": 9191}), "are both 9191"),
    (values(terminationGracePeriodSeconds=45), "killed with requests in flight"),
    (values(sessionStorage=POSTGRES, autoscaling={"enabled": True, "minReplicas": 9, "maxReplicas": 3}), "more than"),
    (values(podDisruptionBudget={"minAvailable": 1}), "exactly one of minAvailable and maxUnavailable"),
    (values(podDisruptionBudget={"maxUnavailable": ""}), "exactly one of minAvailable and maxUnavailable"),
    (values(metrics={"enabled": False, "serviceMonitor": {"enabled": True}}), "set metrics.enabled to true"),
])
def test_a_contradiction_is_refused_with_the_value_to_change(helm, given, said):
    with pytest.raises(Refused) as refused:
        helm.render(CHART, given)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


@needs_helm
@pytest.mark.parametrize("given, place", [
    (values(replicas=2), "replicas"),
    (values(mode="side-car"), "/mode"),
    (values(config={"clientSecret": "hunter2"}), "clientSecret"),
    (values(image={"digest": "latest"}), "/image/digest"),
    (values(authorizer={"path": "authorize"}), "/authorizer/path"),
    (values(authorizer={"assertion": "yes"}), "/authorizer/assertion"),
    (values(metrics={"port": 70000}), "/metrics/port"),
    (values(replicaCount="two"), "/replicaCount"),
])
def test_a_value_that_the_chart_does_not_know_is_refused(helm, given, place):
    with pytest.raises(Refused) as refused:
        helm.render(CHART, given)
    assert place in str(refused.value)
    assert "hunter2" not in str(refused.value)


SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


def described(schema: dict, path: str = "") -> dict[str, dict]:
    """The schema of each value, by its path, in the file's order."""
    found = {}
    for name, part in schema["properties"].items():
        inner = f"{path}.{name}".lstrip(".")
        found |= described(part, inner) if "properties" in part else {inner: part}
    return found


def default_of(path: str):
    value = DEFAULTS
    for name in path.split("."):
        value = value[name]
    return value


def test_the_schema_has_exactly_the_values_with_their_defaults():
    def paths(value, path=""):
        for name, inner in value.items():
            at = f"{path}.{name}".lstrip(".")
            if at in known:
                yield at
            else:
                assert isinstance(inner, dict) and inner, f"{at} isn't in values.schema.json"
                yield from paths(inner, at)

    known = described(SCHEMA)
    # Helm's own, where a chart is a dependency.
    del known["global"]
    assert list(paths(DEFAULTS)) == list(known)
    assert {path: part["default"] for path, part in known.items()} == {path: default_of(path) for path in known}


def test_no_object_of_the_schema_takes_what_it_does_not_name():
    def walk(schema):
        assert schema["additionalProperties"] is False
        for part in schema["properties"].values():
            if "properties" in part:
                walk(part)

    walk(SCHEMA)


def test_the_readme_has_a_row_for_each_value():
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \| (.*) \|$", (CHART / "README.md").read_text(), re.M)
    expected = []
    for path, part in described(SCHEMA).items():
        if path != "global":
            choices = ", ".join(f"`{choice}`" for choice in part.get("enum", []) if choice)
            meaning = f"{part['description']}: {choices}" if choices else part["description"]
            expected.append((path, json.dumps(default_of(path)), meaning))
    assert rows == expected


def test_the_chart_has_the_version_of_the_gateway():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r'^\[workspace\.package\](?:\n.+)*?\nversion = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)
    # They are released together.
    assert chart["version"] == chart["appVersion"] == version[1]


EXAMPLES = [
    (page.name, number, yaml.safe_load(textwrap.dedent(block)))
    for page in (ROOT / "docs/kubernetes.md", CHART / "README.md", *sorted((ROOT / "docs/integrations").glob("*.md")))
    for number, block in enumerate(re.findall(r"^ *```yaml\n(.*?)^ *```", page.read_text(), re.M | re.S))
    if re.match(r" *(# values.yaml|config:|mode:)", block)
]


@needs_helm
@pytest.mark.parametrize("given", [e[2] for e in EXAMPLES], ids=[f"{e[0]}-{e[1]}" for e in EXAMPLES])
def test_the_values_of_the_documents_are_rendered(helm, given):
    Rendered(helm, given)
