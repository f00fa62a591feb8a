"""The documents' links lead somewhere, and their tables are whole."""

import re
import secrets
import subprocess
from pathlib import Path

import pytest
import yaml

from support.authority import Authority
from support.gateway import run

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "docs", "docs/integrations", "deploy", "deploy/helm/mfa-gateway", "benches/peers")
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))


def prose(page: Path) -> list[str]:
    """The lines outside of code blocks."""
    lines, fenced = [], False
    for line in page.read_text().splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        lines.append("" if fenced or line.startswith("    ") else line)
    return lines


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as the site that shows them makes them."""
    headings = (re.match(r"#{1,6} (.*)", line) for line in prose(page))
    names = (re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-") for heading in headings if heading)
    return {*names, *re.findall(r'<a id="([^"]+)"', page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_a_place(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", "\n".join(prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_row_of_a_table_has_as_many_cells_as_its_head(page):
    uneven, cells = [], None
    for number, line in enumerate(prose(page), 1):
        if not line.startswith("|"):
            cells = None
            continue
        found = len(re.findall(r"(?<!\\)\|", line))
        cells = cells or found
        if found != cells:
            uneven.append(number)
    assert uneven == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_shell_can_read_every_command_that_is_shown(page):
    for block in re.findall(r"```(?:sh|bash)\n(.*?)```", page.read_text(), re.DOTALL):
        read = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, timeout=10)
        assert read.returncode == 0, f"{block}\n{read.stderr}"


def test_the_index_names_every_page():
    index = (ROOT / "docs/README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md" and f"({page.name}" not in index] == []


# ---- the configurations that the documents show ----

EXAMPLES = [
    pytest.param(page, number, id=f"{page.stem}-{number}")
    for page in (ROOT / "docs/sign-in.md", ROOT / "docs/store.md")
    for number, _ in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL), 1)
]


def files(folder: Path) -> dict[str, Path]:
    """The files that the examples name, by these names."""
    crt, key = Authority(folder, "an example's").issue("portal.example.com", "portal")
    found = {"tls.crt": crt, "tls.key": key, "portal.crt": crt, "portal.key": key, "database-ca.crt": crt}
    for name in ("portal-secret", "session.key", "database-password"):
        file = folder / name
        file.write_text(f"{secrets.token_hex(32)}\n")
        file.chmod(0o600)
        found[name] = file
    return {f"/etc/mfa-gateway/{name}": Path(file) for name, file in found.items()}


def whole(section: dict) -> dict:
    """A configuration that has what an example leaves out."""
    portal = {"upstreams": [{"name": "portal", "endpoints": ["http://127.0.0.1:5000"]}], "listeners": [{"address": "127.0.0.1:0"}]}
    signs_in = {
        "name": "portal", "issuer": {"name": "idp", "issuer": "https://login.example.com/"}, "client_id": "portal",
        "public_url": "https://portal.example.com", "client_secret_file": "/etc/mfa-gateway/portal-secret",
        "session": {"keys": ["/etc/mfa-gateway/session.key"]},
    }
    page = {"prefix": "/billing/", "upstream": "portal", "credential": "session", "require": "mfa"}
    return {**portal, "sign_in": [signs_in], "routes": [page], **section}


@pytest.mark.parametrize(("page", "number"), EXAMPLES)
def test_check_accepts_every_configuration_that_is_shown(page, number, tmp_path):
    example = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)[number - 1]
    text = yaml.safe_dump(whole(yaml.safe_load(example)))
    for name, file in files(tmp_path).items():
        text = text.replace(name, str(file))
    text = text.replace("/var/lib/mfa-gateway", str(tmp_path / "state"))
    assert "/etc/mfa-gateway" not in text
    config = tmp_path / "gateway.yaml"
    config.write_text(text)
    checked = run("check", "--config", str(config))
    assert checked.returncode == 0, checked.stdout + checked.stderr
