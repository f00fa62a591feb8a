"""Helm's own engine, as `helm template` and `helm lint` have it, without a cluster.

It runs in a process of its own: it is a Go runtime, and pytest starts programs by forking. There is no wheel of it for
every machine; without one, the tests of the chart are skipped."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import yaml

AVAILABLE = importlib.util.find_spec("helm_python") is not None


class Refused(Exception):
    """What the engine says about values that it doesn't take."""


class Helm:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer["done"]

    def render(self, chart: Path, values: dict, name: str = "edge", namespace: str = "partner") -> dict[str, str]:
        """The rendered text of each template."""
        return self._ask(command="render", chart=str(chart), values=values, name=name, namespace=namespace)

    def lint(self, chart: Path, values: dict) -> list[str]:
        return self._ask(command="lint", chart=str(chart), values=values)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def documents(rendered: dict[str, str]) -> list[dict]:
    """The manifests of what was rendered."""
    return [
        document
        for file, text in rendered.items() if file.endswith(".yaml")
        for document in yaml.safe_load_all(text) if document
    ]


def _serve():
    import helm_python

    charts = {}
    for line in sys.stdin:
        question = json.loads(line)
        path, values = question["chart"], question["values"]
        try:
            if question["command"] == "lint":
                found = helm_python.lint(path, values, strict=True)
                answer = {"done": [*found["errors"], *(message["error"] for message in found["messages"])]}
            else:
                chart = charts.get(path) or charts.setdefault(path, helm_python.Chart.load(path))
                # As an installation does first.
                chart.validate_schema(chart.merge_values(values))
                answer = {"done": chart.render(values, name=question["name"], namespace=question["namespace"])}
        except helm_python.HelmError as error:
            answer = {"refused": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
