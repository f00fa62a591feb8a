"""What deploy/ shows to be copied."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.gateway import BINARY, run
from test_tls import certificate

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = ROOT / "deploy/systemd"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


@pytest.fixture
def units(tmp_path):
    """The units, with the program where it is here."""
    for file in SYSTEMD.glob("mfa-gateway.*"):
        (tmp_path / file.name).write_text(file.read_text().replace("/usr/local/bin/mfa-gateway", BINARY))
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_knows_all_that_the_units_say(units):
    verified = analyze("verify", "--man=no", *map(str, sorted(units.glob("mfa-gateway.*"))))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs_systemd
def test_the_service_is_locked_up(units):
    # 10 is a service without any restriction; below 2, systemd calls it OK.
    judged = analyze("security", "--offline=true", "--threshold=20", "--no-pager", str(units / "mfa-gateway.service"))
    assert judged.returncode == 0, judged.stdout[-500:]


def test_the_service_reloads_with_the_systemd_of_debian_12_and_the_drop_in_with_newer_ones():
    service, drop_in = (SYSTEMD / "mfa-gateway.service").read_text(), (SYSTEMD / "notify-reload.conf").read_text()
    assert "\nType=notify\n" in service
    commands = re.findall(r"^ExecReload=(.*)$", service, re.M)
    # A configuration that is not valid makes `systemctl reload` fail, and isn't even tried.
    assert commands == [re.search(r"^ExecStartPre=(.*)$", service, re.M)[1], "/bin/kill -HUP $MAINPID"]
    assert "\nType=notify-reload\nExecReload=\n" in drop_in


def test_every_service_of_compose_has_a_health_check():
    services = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())["services"]
    for name, service in services.items():
        words = service["healthcheck"]["test"]
        assert words[:3] == ["CMD", "/usr/local/bin/mfa-gateway", "healthcheck"], name
        parsed = run("healthcheck", *words[3:], "--help")
        assert parsed.returncode == 0, parsed.stderr
    instruction = re.search(r"HEALTHCHECK (?:.*\\\n)*\s*CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    assert instruction and yaml.safe_load(instruction[1]) == ["/usr/local/bin/mfa-gateway", "healthcheck"]


def test_the_example_with_tls_is_valid_with_certificates(tmp_path):
    example = (ROOT / "config/gateway.tls.yaml").read_text()
    crt, _ = certificate(tmp_path, "tls", "api.contoso.example")
    (tmp_path / "internal-ca.crt").write_bytes(crt.read_bytes())
    file = tmp_path / "gateway.yaml"
    file.write_text(example.replace("/etc/mfa-gateway/tls/", f"{tmp_path}/"))
    checked = run("check", "--config", str(file))
    assert checked.returncode == 0, checked.stderr
    assert "warning: admin" not in checked.stdout
    assert "-----BEGIN" not in checked.stdout


def test_the_lines_that_make_the_examples_certificates_work(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl")
    example = (ROOT / "config/gateway.tls.yaml").read_text()
    lines = [line.removeprefix("#   ") for line in example.splitlines() if line.startswith("#   ")]
    commands = "\n".join(lines).replace("\\\n", " ").replace("/etc/mfa-gateway/tls", str(tmp_path / "tls"))
    making, _, checking = commands.rpartition("\n")
    subprocess.run(["bash", "-ec", making], check=True, capture_output=True, timeout=30)
    file = tmp_path / "gateway.yaml"
    file.write_text(example.replace("/etc/mfa-gateway/tls", str(tmp_path / "tls")))
    assert checking.strip().startswith("mfa-gateway check") and run("check", "--config", str(file)).returncode == 0
