"""A scrape, read by Prometheus's own parser of OpenMetrics."""

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def families(gateway) -> list[Metric]:
    """All metrics; the parser refuses what Prometheus would."""
    answer = httpx.get(f"{gateway.admin_url}/metrics", verify=False).raise_for_status()
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    return list(text_string_to_metric_families(answer.text))


def scrape(gateway) -> list[Sample]:
    """All samples."""
    return [sample for family in families(gateway) for sample in family.samples]


def value(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of a metric over what the labels don't tell apart."""
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())
