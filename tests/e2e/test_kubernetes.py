"""The manifests of deploy/kubernetes, as kustomize makes them."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.manifests import check
from test_chart_sidecar import LABELS

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"


def kustomize(folder: Path) -> list[dict]:
    kubectl = Path(sys.executable).with_name("kubectl")
    made = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=30)
    assert made.returncode == 0, made.stderr
    return list(yaml.safe_load_all(made.stdout))


def one(documents: list[dict], kind: str) -> dict:
    [found] = [document for document in documents if document["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def manifests():
    return kustomize(KUBERNETES)


def test_a_cluster_takes_every_manifest(manifests):
    assert {document["kind"] for document in manifests} == {
        "ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service",
    }
    for document in [*manifests, yaml.safe_load((KUBERNETES / "podmonitor.yaml").read_text())]:
        check(document)


def test_the_pod_is_scraped_where_the_gateway_serves_metrics(manifests):
    template = one(manifests, "Deployment")["spec"]["template"]
    config = yaml.safe_load(one(manifests, "ConfigMap")["data"]["gateway.yaml"])
    port = int(config["admin"]["address"].rpartition(":")[2])
    annotations = {name.removeprefix("prometheus.io/"): text for name, text in template["metadata"]["annotations"].items()}
    assert annotations == {"scrape": "true", "port": str(port), "path": "/metrics"}
    monitor = yaml.safe_load((KUBERNETES / "podmonitor.yaml").read_text())["spec"]
    assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    [endpoint] = monitor["podMetricsEndpoints"]
    [gateway] = template["spec"]["initContainers"]
    assert {"name": endpoint["port"], "containerPort": port} in gateway["ports"] and endpoint["path"] == "/metrics"


def test_the_sidecar_is_probed_and_locked_up(manifests):
    pod = one(manifests, "Deployment")["spec"]["template"]["spec"]
    [gateway] = pod["initContainers"]
    assert gateway["restartPolicy"] == "Always"
    probes = {name: gateway[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez",
    }
    assert all(probe["port"] == "admin" for probe in probes.values())
    for container in [gateway, *pod["containers"]]:
        locks = container["securityContext"]
        assert not locks["allowPrivilegeEscalation"] and locks["readOnlyRootFilesystem"]
        assert locks["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]


def test_the_service_leads_to_the_gateway_and_the_policy_closes_the_rest(manifests):
    [port] = one(manifests, "Service")["spec"]["ports"]
    config = yaml.safe_load(one(manifests, "ConfigMap")["data"]["gateway.yaml"])
    assert config["listeners"] == [{"address": f"0.0.0.0:{port['targetPort']}"}]
    assert config["upstreams"][0]["endpoints"] == ["http://127.0.0.1:5000"]
    opened = [port["port"] for rule in one(manifests, "NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]]
    assert opened == [8080, 9090]


def test_the_component_puts_the_sidecar_into_deployments_with_the_label(tmp_path):
    def deployment(name: str, labels: dict) -> dict:
        container = {"name": name, "image": "registry.example/api:1", "volumeMounts": [{"name": "own", "mountPath": "/own"}]}
        pod = {
            "initContainers": [{"name": "migrate", "image": "registry.example/api:1"}], "containers": [container],
            "volumes": [{"name": "own", "emptyDir": {}}],
        }
        return {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
            "spec": {"selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}, "spec": pod}},
        }

    api = [deployment("api", {"mfa-gateway/sidecar": "enabled"}), deployment("batch", {})]
    (tmp_path / "api.yaml").write_text(yaml.safe_dump_all(api))
    (tmp_path / "gateway.yaml").write_text((KUBERNETES / "gateway.yaml").read_text())
    component = tmp_path / "sidecar"
    component.mkdir()
    for file in (KUBERNETES / "components/sidecar").iterdir():
        (component / file.name).write_text(file.read_text())
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({
        "resources": ["api.yaml"], "components": ["sidecar"],
        "configMapGenerator": [{"name": "mfa-gateway", "files": ["gateway.yaml"]}],
        "images": [{"name": "mfa-gateway", "newName": "registry.example/mfa-gateway", "newTag": "0.1.0"}],
    }))
    made = kustomize(tmp_path)
    for document in made:
        check(document)
    pods = {d["metadata"]["name"]: d["spec"]["template"]["spec"] for d in made if d["kind"] == "Deployment"}
    assert [container["name"] for container in pods["batch"]["initContainers"]] == ["migrate"]
    gateway = next(c for c in pods["api"]["initContainers"] if c["name"] == "mfa-gateway")
    assert gateway["image"] == "registry.example/mfa-gateway:0.1.0"
    assert {mount["name"] for mount in gateway["volumeMounts"]} < {volume["name"] for volume in pods["api"]["volumes"]}
    # The state is the gateway's alone, and its configuration has the name of its content.
    assert [mount["name"] for mount in pods["api"]["containers"][0]["volumeMounts"]] == ["own"]
    assert one(made, "ConfigMap")["metadata"]["name"] in [
        volume.get("configMap", {}).get("name") for volume in pods["api"]["volumes"]
    ]
