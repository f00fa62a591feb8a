"""The journals and the metrics of a gateway, read as an operator's tools do."""

import json
import re
import time
from pathlib import Path

import httpx
import jsonschema

from support.gateway import Gateway

SHIPPED = Path(__file__).parents[3] / "config"
VALIDATORS = {
    name: jsonschema.Draft202012Validator(json.loads((SHIPPED / f"{name}-log.schema.json").read_text()))
    for name in ("decision", "access")
}
SERIES = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$', re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


def until(done, within: float = 10):
    """Waits for a value that counts as true."""
    end = time.monotonic() + within
    while not (value := done()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
    return value


def lines(*files: Path) -> list[dict]:
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def metric(gateway: Gateway, name: str, **labels: str) -> int:
    """The sum of a metric's series that have these labels."""
    text = httpx.get(f"http://127.0.0.1:{gateway.admin_port}/metrics", trust_env=False).raise_for_status().text
    series = ((found, dict(LABEL.findall(had or "")), value) for found, had, value in SERIES.findall(text))
    return sum(int(float(value)) for found, had, value in series if found == name and labels.items() <= had.items())
