"""The manifests of deploy/integrations: valid, closed where something fails, and about what the chart makes."""

import re
from pathlib import Path

import pytest
import yaml

from support.chart import Rendered, asked
from support.helm import AVAILABLE, Helm
from support.manifests import check

INTEGRATIONS = Path(__file__).resolve().parents[2] / "deploy/integrations"
# Who asks by which manifest, and what the chart calls that.
MODES = {"envoy-gateway": "ext-authz", "istio": "ext-authz", "gateway-api": "ext-authz", "traefik": "forward-auth"}
SERVICE, PORT = "edge-mfa-gateway", 9191
MANIFESTS = [
    (file, document)
    for folder in MODES for file in sorted((INTEGRATIONS / folder).glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]


def one(kind: str, name: str = "mfa-gateway") -> dict:
    [found] = [d["spec"] for _, d in MANIFESTS if (d.get("kind"), d.get("metadata", {}).get("name")) == (kind, name)]
    return found


MESH = next(document for file, document in MANIFESTS if file.name == "meshconfig.yaml")


def test_every_proxy_has_its_manifests():
    assert {file.parent.name for file, _ in MANIFESTS} == set(MODES)


@pytest.mark.parametrize("file, document", MANIFESTS, ids=[f"{f.parent.name}-{d.get('kind', 'mesh')}" for f, d in MANIFESTS])
def test_a_cluster_takes_every_manifest(file, document):
    if file.name == "meshconfig.yaml":
        document = {"apiVersion": "istio.mesh/v1alpha1", "kind": "MeshConfig", "metadata": {"name": "istio"}, "spec": document}
    check(document)


def test_every_proxy_is_closed_while_the_gateway_does_not_answer():
    envoy = one("SecurityPolicy")["extAuth"]
    assert (envoy["failOpen"], envoy["statusOnError"], envoy["timeout"], envoy["recomputeRoute"]) == (False, 503, "1s", False)
    [provider] = MESH["extensionProviders"]
    istio = provider["envoyExtAuthzGrpc"]
    assert (istio["failOpen"], istio["statusOnError"], istio["timeout"], istio["clearRouteCache"]) == (False, "503", "1s", False)
    assert one("Middleware")["forwardAuth"]["trustForwardHeader"] is False


def test_no_proxy_waits_for_a_body_or_holds_back_a_field():
    for text in (yaml.safe_dump(document) for _, document in MANIFESTS):
        assert not re.search(r"bodyToExtAuth|includeRequestBody|forwardBody: true|headersToExtAuth|allowedHeaders|authRequestHeaders", text)


def test_every_request_is_asked_about():
    custom = one("AuthorizationPolicy")
    # No rule matches nothing; one that is empty matches everything.
    assert (custom["action"], custom["rules"]) == ("CUSTOM", [{}])
    assert custom["provider"]["name"] == MESH["extensionProviders"][0]["name"]
    assert [target["kind"] for target in one("SecurityPolicy")["targetRefs"]] == ["Gateway"]
    for rule in one("HTTPRoute", "partner-api")["rules"]:
        assert [found["type"] for found in rule["filters"]] == ["ExternalAuth"]
    for route in one("IngressRoute", "partner-api")["routes"]:
        assert route["middlewares"][0]["name"] == "mfa-gateway"


def test_paths_are_judged_as_they_reach_the_api():
    assert one("ClientTrafficPolicy")["path"] == {"escapedSlashesAction": "RejectRequest", "disableMergeSlashes": False}
    assert one("ClientTrafficPolicy")["targetRefs"] == one("SecurityPolicy")["targetRefs"]
    assert MESH["pathNormalization"] == {"normalization": "MERGE_SLASHES"}


def test_they_name_the_service_that_the_chart_makes():
    if not AVAILABLE:
        pytest.skip("there is no wheel of Helm's engine for this machine")
    helm = Helm()
    made = {}
    for mode in sorted(set(MODES.values())):
        service = Rendered(helm, asked(mode, peers={"addresses": ["10.0.0.0/8"]})).one("Service")
        made[mode] = (service["metadata"]["name"], service["metadata"]["namespace"], [p["port"] for p in service["spec"]["ports"]])
    helm.close()
    assert list(made.values()) == [(SERVICE, "partner", [PORT])] * 2
    [backend] = one("SecurityPolicy")["extAuth"]["grpc"]["backendRefs"]
    assert backend == {"name": SERVICE, "namespace": "partner", "port": PORT}
    istio = MESH["extensionProviders"][0]["envoyExtAuthzGrpc"]
    assert (istio["service"], istio["port"]) == (f"{SERVICE}.partner.svc.cluster.local", PORT)
    [rule] = one("HTTPRoute", "partner-api")["rules"]
    assert rule["filters"][0]["externalAuth"]["backendRef"] == {"name": SERVICE, "port": PORT}
    assert one("Middleware")["forwardAuth"]["address"] == f"http://{SERVICE}.partner.svc:{PORT}/authorize"


def test_a_policy_of_another_namespace_is_granted_its_service():
    grant = one("ReferenceGrant")
    assert grant["from"] == [{"group": "gateway.envoyproxy.io", "kind": "SecurityPolicy", "namespace": "infra"}]
    assert grant["to"] == [{"group": "", "kind": "Service", "name": SERVICE}]


FORGED = [
    *(f"X-Auth-Request-{name}" for name in ("Class", "Grounds", "Issuer", "Tenant", "Application", "User", "Methods", "Name", "Email")),
    "MFA-Assertion", "X-Forwarded-User", "X-Forwarded-Email", "Remote-User", "X-Remote-User", "X-User", "X-User-Id", "X-Email",
    "X-Groups", "X-Roles", "X-Tenant-Id", "X-MFA", "X-Amr", "Impersonate-User", "Client-Cert", "X-Authenticated-User",
]


@pytest.mark.parametrize("name", FORGED)
def test_traefik_removes_forged_identity_in_every_spelling(name):
    names = re.compile(one("Middleware")["forwardAuth"]["authResponseHeadersRegex"])
    for spelling in (name, name.lower(), name.upper(), name.replace("-", "_"), name.replace("-", "."), name.replace("-", "_", 1)):
        assert names.search(spelling), spelling


def test_traefiks_file_says_the_same_as_its_manifests():
    http = yaml.safe_load((INTEGRATIONS / "traefik/dynamic.yml").read_text())["http"]
    same = one("Middleware")["forwardAuth"] | {"address": "http://127.0.0.1:9193/authorize"}
    assert http["middlewares"]["mfa-gateway"] == {"forwardAuth": same}
    unasked = {name for name, router in http["routers"].items() if router.get("middlewares", [""])[0] != "mfa-gateway"}
    assert unasked == {"mfa-gateway-pages"}
    assert {router["service"] for router in http["routers"].values()} == {*http["services"]}


def test_traefik_keeps_what_is_not_identity():
    names = re.compile(one("Middleware")["forwardAuth"]["authResponseHeadersRegex"])
    for name in ("Authorization", "Cookie", "X-User-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Request-Id", "X-Auth-Token"):
        assert not names.search(name), name
