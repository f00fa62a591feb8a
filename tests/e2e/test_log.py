"""The diagnostics log, as an operator reads it."""

import json
import re
import signal

import yaml

from support.authority import Authority
from support.gateway import free_port, run

LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z +(ERROR|WARN|INFO) (.+)")
FIELD = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|\[[^]]*\]|[^ "]+)')


def settings(backend, **more):
    return {
        "upstreams": [{"name": "api", "endpoints": [backend.url]}],
        "routes": [{"path": "/healthz", "upstream": "api", "require": "public"}, {"prefix": "/v1/", "upstream": "api"}],
        **more,
    }


def events(gateway) -> list[tuple[str, str, dict[str, str]]]:
    """The level, message and fields of each line; each line is one event."""
    found = []
    for line in gateway.log.read_text().splitlines():
        level, rest = LINE.fullmatch(line).groups()
        message, fields = FIELD.sub("", rest), dict(FIELD.findall(rest))
        assert "=" not in message and "\\n" not in line and "Some(" not in line, line
        found.append((level, message, fields))
    return found


def only(gateway, message: str) -> dict[str, str]:
    assert gateway.logged(message)
    matching = [fields for _, said, fields in events(gateway) if said == message]
    assert len(matching) == 1, (message, events(gateway))
    return matching[0]


def test_a_start_says_what_runs_and_where_and_with_what(start_gateway, backend):
    gateway = start_gateway(**settings(backend))
    assert gateway.logged(" ready")
    started = only(gateway, "mfa-gateway starts")
    assert re.fullmatch(r'"\d+\.\d+\.\d+"', started["version"])
    assert re.fullmatch(r'"([0-9a-f]{40}(-dirty)?|unknown)"', started["commit"])
    assert started["file"] == str(gateway.config_file) and int(started["threads"]) >= 1
    config = only(gateway, "configuration loaded")
    assert (config["generation"], config["listeners"], config["routes"], config["issuers"]) == ("1", "1", "2", "1")
    assert re.fullmatch(r'"[0-9a-f]{64}"', config["hash"])
    traffic = only(gateway, "listening for traffic")
    assert traffic == {"address": f"127.0.0.1:{gateway.port}", "tls": "false", "proxy_protocol": "false"}
    assert only(gateway, "listening for operators and probes")["address"] == f"127.0.0.1:{gateway.admin_port}"
    keys = only(gateway, "keys loaded")
    assert keys["issuer"] == '"wingtip"' and int(keys["keys"]) >= 1 and keys["origin"] == '"issuer"'
    order = [message for _, message, _ in events(gateway)]
    assert order.index("mfa-gateway starts") < order.index("configuration loaded") < order.index("ready")
    gateway.terminate()
    assert gateway.logged("stopped")
    assert only(gateway, "draining")["delay"] == "0s"


def test_a_reload_says_its_generation_or_each_problem_on_a_line_of_its_own(start_gateway, backend):
    gateway = start_gateway(**settings(backend))
    config = yaml.safe_load(gateway.config_file.read_text())
    config["routes"] += [{"prefix": "/v2/", "upstream": "none"}, {"prefix": "/v3/", "upstream": "none"}]
    gateway.config_file.write_text(yaml.safe_dump(config))
    gateway.process.send_signal(signal.SIGHUP)
    assert gateway.logged("the reload failed")
    problems = [fields for level, said, fields in events(gateway) if said == "the new configuration has a problem"]
    assert [one["field"] for one in problems] == ['"routes[2].upstream"', '"routes[3].upstream"']
    assert all(re.fullmatch(rf'"{re.escape(str(gateway.config_file))}:\d+:\d+"', one["place"]) for one in problems)
    assert all(one["problem"] and one["fix"] for one in problems)
    assert only(gateway, "the reload failed; the old configuration stays in use")["problems"] == "2"
    config["routes"] = config["routes"][:1]
    gateway.config_file.write_text(yaml.safe_dump(config))
    gateway.process.send_signal(signal.SIGHUP)
    assert gateway.logged("configuration reloaded")
    reloaded = only(gateway, "configuration reloaded")
    assert (reloaded["generation"], reloaded["routes"]) == ("2", "1")


def test_a_warning_of_the_configuration_is_one_line(start_gateway, backend, tmp_path):
    # It is valid from an hour ago on.
    certificate, key = Authority(tmp_path, "authority").issue("gateway.example", days=-1 / 48)
    tls = {"certificates": [{"certificate_file": certificate, "key_file": key}]}
    listeners = [{"address": f"127.0.0.1:{free_port()}"}, {"address": f"127.0.0.1:{free_port()}", "tls": tls}]
    gateway = start_gateway(**settings(backend, listeners=listeners))
    warning = only(gateway, "the configuration has a warning")
    assert warning["field"].startswith('"listeners[1].tls.certificates') and "expired at" in warning["warning"]
    assert warning["place"].startswith(f'"{gateway.config_file}:') and warning["fix"]


def test_in_json_every_line_is_an_object_with_the_same_names(start_gateway, backend):
    gateway = start_gateway(**settings(backend, log={"format": "json"}))
    assert gateway.logged('"ready"')
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    started = next(line for line in lines if line["message"] == "mfa-gateway starts")
    assert {"timestamp", "level", "version", "commit", "file", "threads"} <= started.keys()
    assert {"mfa-gateway starts", "configuration loaded", "keys loaded", "ready"} <= {line["message"] for line in lines}


def test_in_json_a_start_that_fails_is_an_object_too(start_gateway, backend, tmp_path):
    gateway = start_gateway(**settings(backend, log={"format": "json"}))
    # Its addresses are taken.
    ran = run("serve", "--config", str(gateway.config_file))
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert ran.returncode == 1 and f"127.0.0.1:{gateway.port}" in lines[-1]["error"], ran.stderr


def test_the_signal_that_ends_it_is_named(start_gateway, backend):
    gateway = start_gateway(**settings(backend))
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.logged("stopped")
    assert only(gateway, "a signal ends the gateway") == {"signal": '"SIGINT"'}
