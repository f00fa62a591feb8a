"""The Helm chart: each mode and option, rendered by Helm's engine, taken by Kubernetes' schemas and by `check`."""

import secrets
from base64 import b64encode

import pytest
import yaml

from support.chart import CHART, CONFIG, POSTGRES, ROOT, SIGN_IN, Rendered, asked, checked, values
from support.helm import AVAILABLE, Helm
from test_tls import certificate

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="there is no wheel of Helm's engine for this machine")

PEERS = {"addresses": ["10.0.0.0/8"], "certificateNames": []}


@pytest.fixture(scope="module")
def helm():
    helm = Helm()
    yield helm
    helm.close()


@pytest.fixture
def render(helm):
    return lambda **more: Rendered(helm, values(**more))


def the_files() -> dict:
    return {
        "secrets/portal": secrets.token_hex(16),
        "secrets/session.key": b64encode(secrets.token_bytes(32)).decode(),
        "postgres/password": secrets.token_hex(16),
        "postgres/ca.crt": "",
    }


def check_text(rendered: Rendered) -> str:
    return rendered.one("ConfigMap")["data"]["gateway.yaml"]


def test_a_proxy_needs_a_configuration_and_nothing_else(render, tmp_path):
    rendered = render()
    assert rendered.kinds() == [
        "ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "Service", "ServiceAccount",
    ]
    assert rendered.ports == {"http": "http"}
    assert rendered.config == {
        **CONFIG, "listeners": [{"address": "0.0.0.0:8080"}], "admin": {"address": "0.0.0.0:9090"},
        "state": {"directory": "/var/lib/mfa-gateway/state"}, "timeouts": {"drain": "30s"}, "log": {"format": "json"},
    }
    checked(tmp_path, check_text(rendered))


def test_the_chart_is_clean_for_helm_lint(helm):
    for more in ({}, {"mode": "sidecar"}, asked("ext-authz", peers=PEERS)):
        assert helm.lint(CHART, values(**more)) == []


def test_the_container_is_locked_up_and_ends_with_its_requests_finished(render):
    rendered = render()
    container, pod = rendered.container, rendered.pod
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"] and not pod["enableServiceLinks"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = int(rendered.config["timeouts"]["drain"].removesuffix("s"))
    assert pod["terminationGracePeriodSeconds"] > pause + drain
    assert {spread["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"]
            for spread in pod["topologySpreadConstraints"]} == {"edge"}


def test_every_mount_has_its_volume_and_no_mount_is_within_another(render):
    rendered = render(
        sessionStorage=POSTGRES, tls={"existingSecret": "tls"}, config={"existingSecret": "secrets"},
        configData={"sign_in": SIGN_IN},
    )
    mounts = {mount["name"]: mount["mountPath"] for mount in rendered.container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in rendered.pod["volumes"]}
    # The kubelet can't make a folder within a volume that is read-only.
    paths = sorted(mounts.values())
    assert not any(inner.startswith(f"{outer}/") for outer in paths for inner in paths)
    assert rendered.container["env"][0] == {
        "name": "MFA_GATEWAY_CONFIG", "value": f"{mounts['mfa-gateway']}/gateway.yaml",
    }


def test_sessions_in_postgres_make_replicas_possible(render, tmp_path):
    rendered = render(
        replicaCount=3, sessionStorage=POSTGRES, config={"existingSecret": "secrets"}, configData={"sign_in": SIGN_IN},
    )
    assert rendered.one("Deployment")["spec"]["replicas"] == 3
    assert rendered.config["store"] == {
        "postgres": "postgres://gateway@db.partner.svc/gateway", "password_file": "/etc/mfa-gateway/postgres/password",
        "ca_file": "/etc/mfa-gateway/postgres/ca.crt", "schema": "mfa", "connections": 8,
    }
    files = the_files()
    crt, _ = certificate(tmp_path, "db", "db.partner.svc")
    files["postgres/ca.crt"] = crt.read_text()
    checked(tmp_path, check_text(rendered), files)


def test_access_tokens_alone_need_no_store_for_replicas(render):
    assert render(replicaCount=3, sessionStorage={"type": "none"}).one("Deployment")["spec"]["replicas"] == 3


def test_sessions_in_sqlite_get_a_volume_that_one_pod_has_at_a_time(render):
    rendered = render(persistence={"enabled": True, "storageClass": "fast"}, configData={"sign_in": SIGN_IN})
    claim = rendered.one("PersistentVolumeClaim")["spec"]
    assert (claim["accessModes"], claim["storageClassName"]) == (["ReadWriteOncePod"], "fast")
    assert rendered.one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert {"claimName": "edge-mfa-gateway"} in [v.get("persistentVolumeClaim") for v in rendered.pod["volumes"]]
    taken = render(persistence={"enabled": True, "existingClaim": "sessions"})
    assert "PersistentVolumeClaim" not in taken.kinds()
    assert {"claimName": "sessions"} in [v.get("persistentVolumeClaim") for v in taken.pod["volumes"]]


def test_the_listener_has_the_certificate_of_a_secret(render, tmp_path):
    rendered = render(tls={"existingSecret": "portal-tls"})
    assert rendered.ports == {"https": "http"}
    crt, key = certificate(tmp_path, "tls", "api.contoso.example")
    checked(tmp_path, check_text(rendered), {"tls/tls.crt": crt.read_text(), "tls/tls.key": key.read_text()})


def test_a_changed_configuration_replaces_the_pods(render):
    def checksum(**more):
        return render(**more).one("Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum(replicaCount=0) != checksum(drainSeconds=20)
    assert checksum() != checksum(configData={"partners": ["df845f1a-7b35-40a2-ba78-6481de91f8ae"]})


def test_a_configuration_of_ones_own_stays_as_it_is(helm):
    rendered = Rendered(helm, {"config": {"existingConfig": "mine"}})
    assert "ConfigMap" not in rendered.kinds()
    assert {"name": "mine"} in [volume.get("configMap") for volume in rendered.pod["volumes"]]


@pytest.mark.parametrize("mode, kind, protocol", [
    ("ext-authz", "envoy", "grpc"), ("ext-authz", "envoy-http", "http"),
    ("forward-auth", "forward-auth", "http"), ("forward-auth", "nginx", "http"),
])
def test_a_proxy_that_asks_reaches_the_authorizer_alone(helm, tmp_path, mode, kind, protocol):
    rendered = Rendered(helm, asked(mode, kind=kind, peers=PEERS))
    # There is no listener of the traffic, and with it no way around the proxy.
    assert "listeners" not in rendered.config and [port["name"] for port in rendered.container["ports"]] == ["authorizer", "admin"]
    assert rendered.ports == {f"{protocol}-authorizer": "authorizer"}
    [authorizer] = rendered.config["authorizers"]
    path = {} if kind == "envoy" else {"path": "/authorize"}
    assert authorizer == {
        "name": "mesh", "kind": kind, "address": "0.0.0.0:9191", "peers": {"addresses": ["10.0.0.0/8"]}, **path,
    }
    [traffic, _] = rendered.one("NetworkPolicy")["spec"]["ingress"]
    assert [port["port"] for port in traffic["ports"]] == [9191]
    checked(tmp_path, check_text(rendered))


def test_each_mode_has_its_usual_kind_of_authorizer(helm):
    for mode, kind in (("ext-authz", "envoy"), ("forward-auth", "forward-auth")):
        rendered = Rendered(helm, asked(mode, peers=PEERS))
        assert rendered.config["authorizers"][0]["kind"] == kind


def test_proxies_are_known_by_their_certificates(helm, tmp_path):
    tls = {"existingSecret": "mesh", "clientCA": True}
    rendered = Rendered(helm, asked("ext-authz", peers={"certificateNames": ["envoy.mesh.internal"]}, tls=tls))
    [authorizer] = rendered.config["authorizers"]
    assert authorizer["peers"] == {"certificate_names": ["envoy.mesh.internal"]}
    assert authorizer["tls"]["client_certificates"] == {"ca_file": "/etc/mfa-gateway/authorizer/ca.crt", "required": True}
    crt, key = certificate(tmp_path, "tls", "gateway.partner.svc")
    files = {"authorizer/tls.crt": crt.read_text(), "authorizer/tls.key": key.read_text(), "authorizer/ca.crt": crt.read_text()}
    checked(tmp_path, check_text(rendered), files)


@pytest.mark.parametrize("mode", ["ext-authz", "forward-auth"])
def test_permits_have_a_signed_assertion(helm, tmp_path, mode):
    given = asked(mode, peers=PEERS, assertion=True)
    given["config"]["existingSecret"] = "secrets"
    section = {"key_files": ["/etc/mfa-gateway/secrets/assertion.key"], "audience": "partner-api"}
    given["config"]["configData"]["assertion"] = section
    rendered = Rendered(helm, given)
    assert rendered.config["assertion"] == section
    assert rendered.config["authorizers"][0]["assertion"] is True
    _, key = certificate(tmp_path, "assertion", "partner-api")
    checked(tmp_path, check_text(rendered), {"secrets/assertion.key": key.read_text()})


def test_people_behind_a_proxy_that_asks_reach_the_pages_of_their_sign_in(helm, tmp_path):
    given = asked("forward-auth", peers=PEERS)
    given["config"]["existingSecret"] = "secrets"
    given["config"]["configData"] |= {"sign_in": SIGN_IN, "routes": [{"prefix": "/", "serve": "authorizers", "credential": "session"}]}
    rendered = Rendered(helm, given)
    assert rendered.ports == {"http": "http", "http-authorizer": "authorizer"}
    assert rendered.config["listeners"] == [{"address": "0.0.0.0:8080"}]
    checked(tmp_path, check_text(rendered), the_files())


def test_the_alerts_are_those_of_deploy_prometheus(render):
    assert (CHART / "files/alerts.yaml").read_text() == (ROOT / "deploy/prometheus/alerts.yaml").read_text()
    rule = render(metrics={"prometheusRule": {"enabled": True, "labels": {"release": "kps"}}}).one("PrometheusRule")
    assert rule["spec"] == yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())
    assert rule["metadata"]["labels"]["release"] == "kps"


def test_prometheus_scrapes_each_pod_also_one_that_is_not_ready(render):
    rendered = render(
        metrics={"port": 9999, "serviceMonitor": {"enabled": True, "authorization": {"credentials": {"name": "s", "key": "t"}}}},
        configData={"admin": {"details": "protected", "authentication": {"token_file": "/etc/mfa-gateway/secrets/tokens"}}},
    )
    service = rendered.one("Service", "edge-mfa-gateway-metrics")
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"]
    monitor = rendered.one("ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert not monitor["selector"]["matchLabels"].items() <= rendered.one("Service")["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert rendered.config["admin"] == {
        "address": "0.0.0.0:9999", "details": "protected", "authentication": {"token_file": "/etc/mfa-gateway/secrets/tokens"},
    }
    assert {"name": "admin", "containerPort": 9999} in rendered.container["ports"]


def test_probes_and_scrapes_follow_the_tls_of_the_admin_listener(render):
    tls = {"certificates": [{"certificate_file": "/etc/mfa-gateway/secrets/a", "key_file": "/etc/mfa-gateway/secrets/b"}]}
    rendered = render(configData={"admin": {"tls": tls}}, metrics={"serviceMonitor": {"enabled": True}})
    assert rendered.container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert rendered.one("ServiceMonitor")["spec"]["endpoints"][0]["scheme"] == "https"


def test_the_network_policy_closes_all_but_the_ports(render):
    policy = render(networkPolicy={"from": [{"podSelector": {"matchLabels": {"app": "edge"}}}], "metricsFrom": []})
    assert policy.one("NetworkPolicy")["spec"]["ingress"] == [
        {"ports": [{"protocol": "TCP", "port": 8080}], "from": [{"podSelector": {"matchLabels": {"app": "edge"}}}]},
    ]
    assert "NetworkPolicy" not in render(networkPolicy={"create": False}).kinds()


def test_it_scales_by_cpu_and_memory(render):
    rendered = render(
        sessionStorage=POSTGRES, autoscaling={"enabled": True, "targetMemoryUtilizationPercentage": 80},
    )
    assert "replicas" not in rendered.one("Deployment")["spec"]
    scaler = rendered.one("HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == rendered.one("Deployment")["metadata"]["name"]
    assert [metric["resource"]["name"] for metric in scaler["metrics"]] == ["cpu", "memory"]


def test_the_budget_takes_a_number_or_a_share(render):
    for given, spec in (({"minAvailable": "50%", "maxUnavailable": ""}, {"minAvailable": "50%"}), ({}, {"maxUnavailable": 1})):
        budget = render(podDisruptionBudget=given).one("PodDisruptionBudget")["spec"]
        assert {name: value for name, value in budget.items() if name != "selector"} == spec


def test_the_gateway_api_and_an_ingress_lead_to_the_service(render):
    rendered = render(
        gatewayApi={"enabled": True, "gatewayRef": {"name": "edge", "namespace": "infra", "sectionName": "https"},
                    "hostnames": ["api.contoso.example"]},
        ingress={"enabled": True, "className": "traefik", "hosts": ["api.contoso.example"],
                 "tls": [{"secretName": "tls", "hosts": ["api.contoso.example"]}]},
    )
    [rule] = rendered.one("HTTPRoute")["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "edge-mfa-gateway", "port": 80}]
    [host] = rendered.one("Ingress")["spec"]["rules"]
    assert host["http"]["paths"][0]["backend"]["service"] == {"name": "edge-mfa-gateway", "port": {"number": 80}}


def test_names_that_look_like_numbers_stay_texts(helm):
    given = values(
        fullnameOverride="0123", nameOverride="1e3", serviceAccount={"name": "0x1f"}, priorityClassName="10",
        config={"existingSecret": "1"}, persistence={"enabled": True, "storageClass": "1"},
        gatewayApi={"enabled": True, "gatewayRef": {"name": "1", "namespace": "2", "sectionName": "3"}},
        ingress={"enabled": True, "className": "1"}, service={"loadBalancerClass": "1", "clusterIP": "1"},
    )
    assert Rendered(helm, given, name="7", namespace="8").one("Deployment", "0123")


def test_what_is_extra_gets_into_the_pod_and_beside_it(render, tmp_path):
    rendered = render(
        extraEnv=[{"name": "TENANT", "value": CONFIG["issuers"][0]["entra"]["tenants"][0]}],
        extraArgs=["--help"], extraVolumes=[{"name": "more", "emptyDir": {}}],
        extraVolumeMounts=[{"name": "more", "mountPath": "/more"}],
        extraContainers=[{"name": "tail", "image": "busybox"}], extraInitContainers=[{"name": "first", "image": "busybox"}],
        extraObjects=[{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-more"}}],
        configData={"partners": ["${TENANT}"]}, image={"registry": "registry.example", "digest": f"sha256:{'0' * 64}"},
        service={"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"], "externalTrafficPolicy": "Local",
                 "trafficDistribution": "PreferClose", "appProtocol": "kubernetes.io/h2c", "labels": {"team": "edge"}},
        podLabels={"team": "edge"}, podAnnotations={"note": "x"}, nodeSelector={"kubernetes.io/os": "linux"},
        tolerations=[{"key": "edge", "operator": "Exists"}], affinity={"nodeAffinity": {}}, priorityClassName="high",
        imagePullSecrets=[{"name": "registry"}], fullnameOverride="mfa", serviceAccount={"enabled": False},
    )
    pod = rendered.one("Deployment", "mfa")["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["mfa-gateway", "tail"]
    assert pod["containers"][0]["image"] == f"registry.example/mfa-gateway/mfa-gateway@sha256:{'0' * 64}"
    assert pod["containers"][0]["args"] == ["serve", "--help"] and pod["serviceAccountName"] == "default"
    assert rendered.one("Secret", "edge-more")
    # ${NAME} stays without quotes, in which it would be an error.
    assert "- ${TENANT}\n" in rendered.one("ConfigMap", "mfa")["data"]["gateway.yaml"]
