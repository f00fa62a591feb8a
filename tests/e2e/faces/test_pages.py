"""The pages in docs/integrations about proxies of one's own: a newcomer who copies what they say has what the tests run."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from support.gateway import run

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("nginx", "caddy", "haproxy", "envoy")


def configurations(name: str) -> list[dict]:
    """Those of the gateway's: the first is whole, and others replace parts of it."""
    text = (ROOT / f"docs/integrations/{name}.md").read_text()
    blocks = [yaml.safe_load(textwrap.dedent(block)) for block in re.findall(r"^ *```yaml\n(.*?)^ *```", text, re.M | re.S)]
    own = [block for block in blocks if "authorizers" in block]
    return [{**own[0], **block} for block in own]


@pytest.mark.parametrize("name", PAGES)
def test_the_gateway_takes_the_configuration_of_every_page(name, tmp_path):
    file = tmp_path / "gateway.yaml"
    for config in configurations(name):
        file.write_text(yaml.safe_dump(config))
        checked = run("check", "--config", str(file))
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_in_the_indexes(name):
    for index in ("docs/README.md", "deploy/README.md"):
        assert f"integrations/{name}.md" in (ROOT / index).read_text()
