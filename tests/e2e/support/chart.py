"""The chart in deploy/helm, rendered with values of a test, and what it rendered."""

import copy
import shutil
from pathlib import Path

import yaml

from support.gateway import run
from support.helm import Helm, documents
from support.manifests import check

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/mfa-gateway"

TENANT = "df845f1a-7b35-40a2-ba78-6481de91f8ae"
# What everybody writes: an issuer, an upstream and a route.
CONFIG = {
    "issuers": [{"name": "entra", "entra": {"tenants": [TENANT]}, "audiences": ["https://api.partnercenter.microsoft.com"]}],
    "upstreams": [{"name": "partner-api", "endpoints": ["http://partner-api.partner.svc:80"]}],
    # A number that a careless template writes as 1.048576e+06.
    "routes": [{"prefix": "/v1/", "upstream": "partner-api", "body_bytes": 1048576}],
}
SIGN_IN = [{
    "name": "portal", "issuer": "entra", "public_url": "https://portal.example.com",
    "client_id": "0d6f2c1a-9c0e-4b7e-8a59-3f1f4c6f2b11", "client_secret_file": "/etc/mfa-gateway/secrets/portal",
    "session": {"keys": ["/etc/mfa-gateway/secrets/session.key"]},
}]
POSTGRES = {
    "type": "postgres",
    "postgres": {"url": "postgres://gateway@db.partner.svc/gateway", "existingSecret": "db", "caKey": "ca.crt", "schema": "mfa"},
}


def values(**more) -> dict:
    """Values with the configuration, and others beside it; those for `configData` are added to it."""
    merged = {"config": {"configData": copy.deepcopy(CONFIG)}}
    for name, value in more.items():
        if name == "configData":
            merged["config"]["configData"].update(value)
        elif name == "config":
            merged["config"].update(value)
        else:
            merged[name] = value
    return merged


def asked(mode: str, **authorizer) -> dict:
    """Values for a gateway that proxies ask: they carry the requests, so that there is no upstream."""
    config = {"issuers": CONFIG["issuers"], "routes": [{"prefix": "/v1/", "serve": "authorizers"}]}
    return {"mode": mode, "authorizer": authorizer, "config": {"configData": copy.deepcopy(config)}}


class Rendered:
    """The manifests of one set of values, each of which a cluster takes."""

    def __init__(self, helm: Helm, given: dict, chart: Path = CHART, **release: str):
        self.files = helm.render(chart, given, **release)
        self.documents = documents(self.files)
        for document in self.documents:
            check(document)
        names = [(document["kind"], document["metadata"]["name"]) for document in self.documents]
        assert len(names) == len(set(names)), names

    def kinds(self) -> list[str]:
        return sorted(document["kind"] for document in self.documents)

    def one(self, kind: str, name: str = "edge-mfa-gateway") -> dict:
        [found] = [d for d in self.documents if (d["kind"], d["metadata"]["name"]) == (kind, name)]
        return found

    @property
    def pod(self) -> dict:
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def container(self) -> dict:
        return next(c for c in self.pod["containers"] if c["name"] == "mfa-gateway")

    @property
    def config(self) -> dict:
        return yaml.safe_load(self.one("ConfigMap")["data"]["gateway.yaml"])

    @property
    def ports(self) -> dict:
        """What the Service leads to, by the port's name."""
        return {port["name"]: port["targetPort"] for port in self.one("Service")["spec"]["ports"]}


def checked(folder: Path, text: str, files: dict[str, str] = {}):
    """`mfa-gateway check` on a configuration of the pod, with the files that the pod would have."""
    home = folder / "etc"
    shutil.rmtree(home, ignore_errors=True)
    for name, content in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content)
    file = folder / "gateway.yaml"
    file.write_text(text.replace("/etc/mfa-gateway", str(home)).replace("/var/lib/mfa-gateway", str(folder / "state")))
    result = run("check", "--config", str(file))
    assert result.returncode == 0, result.stderr + result.stdout + text
    return result
