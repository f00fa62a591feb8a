"""The demo does what it prints."""

import os
import re
import subprocess

import pytest

from support.demo import Demo

WHO = {
    "Jane": 200, "Trent": 200, "John": 401, "daemon": 200, "no token": 401, "expired": 401, "forged": 401,
}


def status_of(command: str, home) -> int:
    """Runs a printed command as it is; a `.curlrc` adds the status, so that the command need not print it."""
    (home / ".curlrc").write_text('write-out = "%{stderr}status %{http_code}\\n"\nmax-time = 10\n')
    environment = {**os.environ, "HOME": str(home), "CURL_HOME": str(home)}
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=15, env=environment)
    found = re.search(r"^status (\d+)", ran.stderr, re.M) or re.search(r"^HTTP/\S+ (\d+)", ran.stdout, re.M)
    assert found, f"the command shows no status:\n{command}\n{ran.stdout}\n{ran.stderr}"
    return int(found[1])


@pytest.mark.parametrize("who", WHO)
def test_the_printed_command_gives_the_status_it_promises(demo, tmp_path, who):
    examples = [example for example in demo.examples if who.lower() in example.words.lower()]
    assert examples, f"nothing is printed for {who}:\n{demo.output}"
    assert examples[0].expected_status == WHO[who], examples[0].words
    assert status_of(examples[0].command, tmp_path) == WHO[who]


def test_every_printed_command_keeps_its_promise(demo, tmp_path):
    results = {e.command: (e.expected_status, status_of(e.command, tmp_path)) for e in demo.examples}
    assert [command for command, (promised, given) in results.items() if promised != given] == []


def test_every_expectation_says_why(demo):
    for example in demo.examples:
        without_status = re.sub(r"[^A-Za-z ]+", " ", example.words)
        assert len(without_status.split()) >= 4, f"too few words: {example.words!r}"


def test_ctrl_c_ends_the_demo_with_success_within_five_seconds():
    demo = Demo()
    try:
        assert demo.interrupt() == 0
    finally:
        demo.stop()
