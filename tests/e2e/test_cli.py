"""The other commands: check, explain, version, completions, schema."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from support.authority import Authority
from support.gateway import run

SHIPPED = Path(__file__).parents[2] / "config"

BROKEN = """\
listeners:
  - { address: not-an-address }
issuers:
  - name: wingtip
    issuer: https://login.wingtip.example/
    audiences: []
  - name: closed
    entra: { cloud: germany, tenants: any }
    audiences: [api://partner]
upstreams:
  - name: partner-api
    endpoints: ["ftp://127.0.0.1:5000"]
    response_timeout: soon
routes:
  - { path: /healthz, prefix: /healthz, upstream: partner-api }
  - { prefix: /v1/, upstream: partner-apo }
"""
PROBLEM_LINES = {
    "the listener's address": 2, "the missing audience": 6, "the closed cloud": 8, "the endpoint's scheme": 12,
    "the duration": 13, "path beside prefix": 15, "the unknown upstream": 16,
}


@pytest.fixture
def config(tmp_path, issuer):
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump({
        "listeners": [{"address": "127.0.0.1:8080"}],
        "issuers": issuer.section,
        "upstreams": [{"name": "partner-api", "endpoints": ["http://127.0.0.1:5000"]}],
        "routes": [
            {"path": "/healthz", "upstream": "partner-api", "require": "public"},
            {"prefix": "/v1/", "upstream": "partner-api"},
        ],
    }))
    return file


def written(tmp_path, text: str) -> Path:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    return file


def check(file: Path) -> subprocess.CompletedProcess:
    return run("check", "--config", str(file))


def test_check_accepts_a_valid_file(config):
    assert check(config).returncode == 0


def test_check_warns_of_a_certificate_that_has_expired(config, tmp_path):
    # It is valid from an hour ago on.
    certificate, key = Authority(tmp_path, "authority").issue("gateway.example", days=-1 / 48)
    settings = yaml.safe_load(config.read_text())
    settings["listeners"][0]["tls"] = {"certificates": [{"certificate_file": certificate, "key_file": key}]}
    config.write_text(yaml.safe_dump(settings))
    checked = check(config)
    assert checked.returncode == 0
    assert "warning: listeners[0].tls.certificates" in checked.stderr + checked.stdout
    assert f"the certificate in {certificate} expired at " in checked.stderr + checked.stdout


def test_check_finds_the_file_by_environment_variable_too(config):
    assert run("check", env={"MFA_GATEWAY_CONFIG": str(config)}).returncode == 0


@pytest.mark.parametrize("problem", PROBLEM_LINES)
def test_check_reports_every_problem_with_its_place_and_snippet(tmp_path, problem):
    file = written(tmp_path, BROKEN)
    checked = check(file)
    output = checked.stdout + checked.stderr
    number = PROBLEM_LINES[problem]
    assert checked.returncode not in (0, 101)
    assert re.search(rf"{re.escape(file.name)}:{number}:\d+", output), output
    assert BROKEN.splitlines()[number - 1].strip() in output, output


def test_check_says_how_to_fix_each_problem(tmp_path):
    checked = check(written(tmp_path, BROKEN))
    output = checked.stdout + checked.stderr
    assert len(re.findall(r"(?im)^\W*(?:fix|help|hint)\b", output)) >= len(PROBLEM_LINES), output


def test_check_reports_an_unknown_field_with_its_place(config):
    text = config.read_text() + "limts: {}\n"
    config.write_text(text)
    checked = check(config)
    output = checked.stdout + checked.stderr
    assert checked.returncode not in (0, 101)
    assert f"{config.name}:{len(text.splitlines())}:1" in output, output
    assert "limts" in output and "limits" in output


@pytest.mark.parametrize("text", ["", "listeners: [", "\t", "- 1\n- 2\n", "listeners: &a [*a]\n", "routes: 7\n"])
def test_check_explains_what_is_no_configuration_at_all(tmp_path, text):
    checked = check(written(tmp_path, text))
    assert checked.returncode not in (0, 101)
    assert "gateway.yaml" in checked.stdout + checked.stderr


def test_check_and_serve_name_a_file_that_is_not_there(tmp_path):
    for command in ("check", "serve"):
        ran = run(command, "--config", str(tmp_path / "absent.yaml"))
        assert ran.returncode not in (0, 101)
        assert "absent.yaml" in ran.stderr


def test_serve_refuses_what_check_refuses(tmp_path):
    ran = run("serve", "--config", str(written(tmp_path, BROKEN)))
    assert ran.returncode not in (0, 101)
    assert "gateway.yaml:16:" in ran.stdout + ran.stderr


def explain(config: Path, token: str, *flags: str, path: str = "/v1/customers") -> subprocess.CompletedProcess:
    arguments = ["explain", "--config", str(config), "--method", "GET", "--path", path, "--token-file", "-", *flags]
    ran = run(*arguments, stdin=token)
    assert "panicked" not in ran.stderr and ran.returncode != 101
    return ran


WORDS = {
    "jane": ("pass", []), "john": ("fail", ["mfa"]), "daemon": ("pass", ["app"]), "expired": ("fail", ["expired"]),
    "without amr": ("fail", ["amr"]), "of another audience": ("fail", ["audience"]),
}


def tokens(issuer) -> dict[str, str]:
    return {
        "jane": issuer.jane(), "john": issuer.john(), "daemon": issuer.daemon(), "expired": issuer.jane(exp=1),
        "without amr": issuer.token({"sub": "jane", "scp": "read"}), "of another audience": issuer.jane(aud="api://x"),
    }


@pytest.mark.parametrize("who", WORDS)
def test_explain_says_pass_or_fail_and_why(config, issuer, who):
    verdict, words = WORDS[who]
    output = explain(config, tokens(issuer)[who]).stdout.lower()
    said = set(re.findall(r"\b(pass|fail)\b", output))
    assert said == {"pass"} if verdict == "pass" else "fail" in said, output
    for step in ("signature", "issuer", "audience", *words):
        assert step in output, output


@pytest.mark.parametrize("who", WORDS)
def test_explain_says_the_same_in_json(config, issuer, who):
    output = explain(config, tokens(issuer)[who], "--json").stdout
    explained = json.loads(output)
    assert isinstance(explained, dict)
    assert set(re.findall(r'"(pass|fail)"', output)) >= {WORDS[who][0]}, output


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_explain_never_prints_the_token(config, issuer, flags):
    for token in [*tokens(issuer).values(), "not-really-a-token-at-all", "a.b.c-secret-part"]:
        ran = explain(config, token, *flags)
        output = ran.stdout + ran.stderr
        assert token not in output
        for part in token.split("."):
            assert len(part) < 8 or part not in output


def test_explain_reads_the_token_from_a_file_too(config, issuer, tmp_path):
    file = tmp_path / "token"
    file.write_text(issuer.jane() + "\n")
    arguments = ["--config", str(config), "--method", "GET", "--path", "/v1/customers", "--token-file", str(file)]
    assert "pass" in run("explain", *arguments).stdout.lower()


def test_explain_knows_the_route(config, issuer):
    assert "public" in explain(config, issuer.john(), path="/healthz").stdout.lower()
    assert "404" in explain(config, issuer.jane(), path="/elsewhere").stdout


def test_version_names_the_program_and_its_version():
    for words in ("version", "--version"):
        printed = run(words).stdout
        assert re.fullmatch(r"mfa-gateway \d+\.\d+\.\d+ \(commit ([0-9a-f]{40}|unknown)\)\n", printed), printed


def test_bash_accepts_the_completions(tmp_path):
    script = run("completions", "bash").stdout
    file = tmp_path / "completions.bash"
    file.write_text(script)
    loaded = subprocess.run(
        ["bash", "-c", f"source '{file}' && complete -p mfa-gateway"], capture_output=True, text=True, timeout=10
    )
    assert (loaded.returncode, loaded.stderr) == (0, "")


def test_the_schema_accepts_valid_files_and_no_others(config):
    schema = json.loads(run("schema").stdout)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    content = yaml.safe_load(config.read_text())
    validator(schema).validate(content)
    for wrong in ({**content, "limts": {}}, {**content, "routes": 7}, {"listeners": []}):
        with pytest.raises(jsonschema.ValidationError):
            validator(schema).validate(wrong)


def test_the_shipped_schema_is_the_binarys():
    shipped = [json.loads(file.read_text()) for file in SHIPPED.glob("*.json")]
    assert json.loads(run("schema").stdout) in shipped


def test_the_shipped_examples_are_valid():
    # The one with TLS names files: test_deploy.py.
    examples = sorted(set(SHIPPED.glob("*.yaml")) - {SHIPPED / "gateway.tls.yaml"})
    assert len(examples) >= 2
    schema = json.loads(run("schema").stdout)
    for example in examples:
        checked = check(example)
        assert checked.returncode == 0, f"{example}:\n{checked.stdout}{checked.stderr}"
        jsonschema.validate(yaml.safe_load(example.read_text()), schema)


COMMANDS = [
    "serve", "check", "explain", "replay", "healthcheck", "demo", "version", "completions", "man", "schema",
    "sessions", "report", "consents", "rewrap", "exceptions", "token", "vendors",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_every_command_with_words(command):
    assert command in run("--help").stdout
    assert len(run(command, "--help").stdout.split()) > 10


@pytest.mark.parametrize("command", ["serve", "check", "explain", "replay", "healthcheck", "demo"])
def test_every_flag_has_an_environment_variable(command):
    help_text = run(command, "--help").stdout
    flags = set(re.findall(r"--([a-z][a-z-]+)", help_text)) - {"help", "version"}
    variables = set(re.findall(r"\[env:\s+(MFA_GATEWAY_[A-Z_]+)", help_text))
    assert flags and len(variables) >= len(flags), (flags, variables)


def test_consents_is_also_called_consent():
    assert run("consent", "give", "--help").stdout == run("consents", "give", "--help").stdout


def test_who_asks_for_a_token_must_be_said_once_and_whole():
    broker, own = ["token", "nightly", "--broker-url", "http://127.0.0.1:1/"], ["--caller-token-file", "own"]
    certificate, application = ["--client-certificate-file", "c", "--client-key-file", "k"], ["--client-id", "job"]
    endpoint = ["--token-endpoint", "https://idp.example/token"]
    for wrong in (
        [], [*own, *certificate], [*own, *application, *endpoint, "--client-secret-file", "s"], certificate[:2],
        [*application, *endpoint], [*application, "--client-secret-file", "s"], ["--client-secret-file", "s"],
        [*application, *endpoint, *certificate, "--client-secret-file", "s"],
    ):
        ran = run(*broker, *wrong)
        assert (ran.returncode, ran.stdout) == (2, ""), (wrong, ran)
    ran = run("token", "nightly", "--broker-url", "http://gateway.example/", *own)
    assert ran.returncode == 1 and "clear text" in ran.stderr and ran.stdout == ""
    clear = ["--token-endpoint", "http://idp.example/token", "--client-secret-file", "/dev/null"]
    ran = run(*broker, *application, *clear)
    assert ran.returncode == 1 and "http://idp.example/token would carry" in ran.stderr and ran.stdout == ""


def test_a_wrong_flag_is_a_usage_error():
    ran = run("serve", "--confg", "x")
    assert ran.returncode == 2
    assert "--config" in ran.stderr


@pytest.mark.parametrize("yes, no", [("1", "0"), ("true", "false"), ("YES", "no"), ("on", "off"), ("true", "")])
def test_a_flags_variable_takes_yes_and_no_in_every_usual_form(config, yes, no):
    checked = {word: run("check", "--config", str(config), env={"MFA_GATEWAY_CHECK_LIVE": word}) for word in (yes, no)}
    assert "issuer wingtip" in checked[yes].stdout and "issuer wingtip" not in checked[no].stdout, checked
    assert checked[no].returncode == 0


def test_a_flags_variable_takes_nothing_else(config):
    ran = run("check", "--config", str(config), env={"MFA_GATEWAY_CHECK_LIVE": "perhaps"})
    assert ran.returncode == 2 and "perhaps" in ran.stderr and "yes or no" in ran.stderr


def test_without_a_file_the_one_in_etc_is_read_and_named(tmp_path):
    written(tmp_path, BROKEN)
    for command in ("serve", "check"):
        ran = run(command, cwd=tmp_path)
        assert ran.returncode == 1
        assert "/etc/mfa-gateway/gateway.yaml" in ran.stderr and "--config" in ran.stderr, ran.stderr
    # The demo has no file, and is asked where it is.
    assert run("healthcheck", cwd=tmp_path).stdout.startswith("http://127.0.0.1:9090/readyz: ")


def test_manual_pages_are_for_man(tmp_path):
    assert run("man", "--out", str(tmp_path / "man1")).returncode == 0
    pages = {file.name for file in (tmp_path / "man1").iterdir()}
    parts = ["report-forget", *(f"sessions-{part}" for part in ("list", "show", "end"))]
    parts += [f"consents-{part}" for part in ("list", "give", "try", "withdraw")]
    parts += [f"vendors-{part}" for part in ("list", "consent", "remove", "purged")]
    parts += [f"exceptions-{part}" for part in ("list", "show", "request", "approve", "reject", "withdraw", "revoke")]
    assert pages == {"mfa-gateway.1", *(f"mfa-gateway-{command}.1" for command in [*COMMANDS, *parts])}
    if shutil.which("man"):
        shown = subprocess.run(
            ["man", "--warnings", "-l", str(tmp_path / "man1/mfa-gateway-serve.1")], capture_output=True, text=True,
            timeout=20, env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
        )
        assert "MFA_GATEWAY_CONFIG" in shown.stdout and "mfa-gateway serve" in shown.stdout and not shown.stderr
    assert run("man", "serve").stdout == (tmp_path / "man1/mfa-gateway-serve.1").read_text()
    assert run("man", "no-such").returncode == 1
