"""The Helm chart as a dependency of an API's own chart, which gets the gateway as a native sidecar."""

import shutil

import pytest
import yaml

from support.chart import CHART, Rendered, checked, values
from support.helm import AVAILABLE, Helm, Refused

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="there is no wheel of Helm's engine for this machine")

LABELS = {"app.kubernetes.io/name": "partner-api"}
# As docs/kubernetes.md has it.
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: partner-api
spec:
  selector:
    matchLabels: { app.kubernetes.io/name: partner-api }
  template:
    metadata:
      labels: { app.kubernetes.io/name: partner-api }
      annotations:
        {{- include "mfa-gateway.sidecar.annotations" (index .Subcharts "mfa-gateway") | nindent 8 }}
    spec:
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      securityContext: { runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532 }
      initContainers:
        {{- include "mfa-gateway.sidecar.container" (index .Subcharts "mfa-gateway") | nindent 8 }}
      containers:
        - name: partner-api
          image: registry.example/partner-api:1.0.0
          lifecycle: { preStop: { sleep: { seconds: 15 } } }
      volumes:
        {{- include "mfa-gateway.sidecar.volumes" (index .Subcharts "mfa-gateway") | nindent 8 }}
"""


@pytest.fixture(scope="module")
def helm():
    helm = Helm()
    yield helm
    helm.close()


@pytest.fixture
def api_chart(tmp_path):
    """The chart of an API, with the gateway's below charts/."""
    chart = tmp_path / "partner-api"
    (chart / "templates").mkdir(parents=True)
    shutil.copytree(CHART, chart / "charts/mfa-gateway")
    dependency = {"name": "mfa-gateway", "version": "*", "repository": "file://charts/mfa-gateway"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump({
        "apiVersion": "v2", "name": "partner-api", "version": "1.0.0", "dependencies": [dependency],
    }))
    (chart / "templates/deployment.yaml").write_text(DEPLOYMENT)
    return chart


def sidecar(**more) -> dict:
    given = values(mode="sidecar", sidecar={"podSelectorLabels": LABELS}, **more)
    given["config"]["configData"]["upstreams"][0]["endpoints"] = ["http://127.0.0.1:5000"]
    return {"mfa-gateway": given}


def test_the_api_gets_a_native_sidecar(helm, api_chart, tmp_path):
    rendered = Rendered(helm, sidecar(), api_chart)
    assert rendered.kinds() == ["ConfigMap", "Deployment", "NetworkPolicy"]
    pod = rendered.one("Deployment", "partner-api")["spec"]["template"]["spec"]
    [gateway] = pod["initContainers"]
    assert (gateway["name"], gateway["restartPolicy"]) == ("mfa-gateway", "Always")
    # The API starts once the gateway has its keys, and ends before it.
    assert gateway["startupProbe"]["httpGet"]["path"] == "/readyz" and "lifecycle" not in gateway
    assert {mount["name"] for mount in gateway["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    config_map = rendered.one("ConfigMap")
    assert {"name": "edge-mfa-gateway"} in [volume.get("configMap") for volume in pod["volumes"]]
    assert yaml.safe_load(config_map["data"]["gateway.yaml"])["listeners"] == [{"address": "0.0.0.0:8080"}]
    checked(tmp_path, config_map["data"]["gateway.yaml"])


def test_a_changed_configuration_replaces_the_apis_pods(helm, api_chart):
    def checksum(**more):
        deployment = Rendered(helm, sidecar(**more), api_chart).one("Deployment", "partner-api")
        return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum() != checksum(configData={"partners": ["df845f1a-7b35-40a2-ba78-6481de91f8ae"]})


def test_the_way_around_the_sidecar_is_closed(helm, api_chart):
    policy = Rendered(helm, sidecar(), api_chart).one("NetworkPolicy")["spec"]
    assert policy["podSelector"] == {"matchLabels": LABELS}
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8080, 9090]


def test_the_pods_of_the_api_are_scraped(helm, api_chart):
    rendered = Rendered(helm, sidecar(metrics={"serviceMonitor": {"enabled": True}}), api_chart)
    monitor = rendered.one("PodMonitor")["spec"]
    assert monitor["selector"] == {"matchLabels": LABELS}
    assert monitor["podMetricsEndpoints"][0]["port"] == "admin"


def test_what_would_be_the_apis_own_is_refused(helm, api_chart):
    for more, word in (
        ({"replicaCount": 2}, "how many replicas"), ({"gatewayApi": {"enabled": True}}, "gatewayApi.enabled"),
        ({"ingress": {"enabled": True}}, "ingress.enabled"), ({"persistence": {"enabled": True}}, "persistence.enabled"),
    ):
        with pytest.raises(Refused, match=word):
            helm.render(api_chart, sidecar(**more))
    unselected = sidecar(metrics={"serviceMonitor": {"enabled": True}})
    del unselected["mfa-gateway"]["sidecar"]
    with pytest.raises(Refused, match="sidecar.podSelectorLabels"):
        helm.render(api_chart, unselected)
