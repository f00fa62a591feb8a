"""The pages in docs/integrations about proxies of one's own: a newcomer who copies what they say has what the tests run."""

import re
from pathlib import Path

import pytest

from support.gateway import run

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("nginx", "caddy", "haproxy", "envoy")


@pytest.mark.parametrize("name", PAGES)
def test_the_gateway_takes_the_configuration_of_every_page(name, tmp_path):
    [block] = re.findall(r"^( *)```yaml\n(.*?)^ *```", (ROOT / f"docs/integrations/{name}.md").read_text(), re.M | re.S)
    file = tmp_path / "gateway.yaml"
    file.write_text("\n".join(line.removeprefix(block[0]) for line in block[1].splitlines()))
    checked = run("check", "--config", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_in_the_indexes(name):
    for index in ("docs/README.md", "deploy/README.md"):
        assert f"integrations/{name}.md" in (ROOT / index).read_text()
