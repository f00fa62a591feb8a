"""The demo does what it prints."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from support.demo import Demo
from support.gateway import free_port, run

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


def test_every_printed_line_fits_a_terminal_and_holds_no_token(demo):
    assert [line for line in demo.output.splitlines() if len(line) > 240 or "eyJ" in line] == []


def test_every_printed_link_answers(demo):
    links = []
    for line in re.findall(r"^  [a-zA-Z ]+  (http://.*)$", demo.output, re.M):
        origin = re.match(r"http://[^/]+", line)[0]
        links += [origin + path for path in re.findall(r"(?<![/\w])/[\w/]*", line.removeprefix(origin))]
    assert len(links) >= 7, demo.output
    # The API answers a token only, and says so. The portal sends people to sign in.
    statuses = {link: httpx.get(link, headers={"accept": "text/html"}).status_code for link in links}
    others = {link: status for link, status in statuses.items() if status != 200}
    site = re.search(r"operator site +(\S+)", demo.output)[1]
    assert others == {f"{demo.gateway_url}/v1/customers": 401, f"{demo.gateway_url}/": 303, site: 303}


def test_the_printed_operator_token_opens_the_explanation(demo):
    token = re.search(r"operator token +(\S+)", demo.output)[1]
    page = re.search(r"operator site +(\S+)/", demo.output)[1] + "/explain"
    john = Path(re.search(r"cat (\S+/john)\)", demo.output)[1]).read_text()
    answer = httpx.post(page, json={"token": john, "path": "/v1/customers"}, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200 and answer.json()["reason"] == "mfa_missing", answer.text
    assert httpx.post(page, json={}, headers={"authorization": f"Bearer {token[:-1]}x"}).status_code == 401


def test_the_printed_explanation_says_why_john_is_refused(demo):
    line = re.search(r"^\S+ explain .*$", demo.output, re.M)[0]
    ran = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=15)
    assert ran.returncode == 1 and "mfa_missing" in ran.stdout, ran


def test_the_nightly_program_is_refused_with_a_password_and_as_itself_and_works_after_one_consent(demo, tmp_path):
    commands = {verb: shlex.split(re.search(rf"^\S+ consents {verb} .*$", demo.output, re.M)[0]) for verb in ("give", "try")}
    withdraw = ["withdraw" if word == "try" else word for word in commands["try"]]
    refused, itself = (next(e.command for e in demo.examples if words in e.words) for words in ("A nightly", "as itself"))
    consented, vendor = (next(e.command for e in demo.examples if words in e.words) for words in ("by its consent", "A vendor"))
    assert '"AADSTS50076' in subprocess.run(["bash", "-c", refused], capture_output=True, text=True, timeout=15).stdout
    assert [status_of(command, tmp_path) for command in (itself, consented, vendor)] == [403, 409, 409]
    absent = subprocess.run(commands["try"], capture_output=True, text=True, timeout=15)
    assert absent.returncode == 1 and "absent" in absent.stdout, absent
    back = f"http://localhost:{free_port()}/"
    giving = subprocess.Popen(
        [*commands["give"], "--redirect-uri", back], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = next(line.strip() for line in giving.stderr if line.startswith("http"))
    page = httpx.get(url, params={**httpx.URL(url).params, "login_hint": "nightly"}, follow_redirects=True)
    assert page.status_code == 200, page.text
    said, _ = giving.communicate(timeout=10)
    assert giving.returncode == 0 and "nightly@contoso.example" in said, said
    try:
        tried = subprocess.run(commands["try"], capture_output=True, text=True, timeout=15)
        assert tried.returncode == 0 and "with MFA" in tried.stdout, tried
        assert [status_of(command, tmp_path) for command in (itself, consented, vendor)] == [403, 200, 200]
        recorded = next(e.command for e in demo.examples if e.command.endswith("/recorded"))
        seen = json.loads(subprocess.run(["bash", "-c", recorded], capture_output=True, timeout=15).stdout)[-1]
        own = Path(re.search(r"cat (\S+/nightly-job)\)", consented)[1]).read_text()
        assert (seen["token"]["upn"], seen["token"]["amr"]) == ("nightly@contoso.example", ["pwd", "mfa"])
        assert seen["caller"]["x-auth-request-class"] == "app_only" and own not in json.dumps(seen)
        # Adatum takes no MFA of another tenant, and the gateway passes no token on that lacks it.
        adatum = consented.replace("b44bb1fb-c595-45b0-9e08-d657365580f8", "0c39d6d5-c70d-4c55-bc02-f620844f3fd1")
        assert status_of(adatum, tmp_path) == 409
        # The command asks the issuer for the program's own token first.
        secret = tmp_path / "secret"
        secret.write_text("demo-only-vendor-secret\n")
        printed = run(
            "token", "nightly", "--broker-url", f"{demo.gateway_url}/broker/", "--client-secret-file", str(secret),
            "--client-id", "a7c3e5f1-94b8-4d02-b61e-3c8d7f2059ea", "--token-endpoint", f"{demo.issuer_url}/token",
            "--client-scope", "https://api.partnercenter.microsoft.com/.default",
        )
        assert printed.returncode == 0 and printed.stdout.count(".") == 2, printed.stderr
        assert (printed.stdout[-1], printed.stdout.count("\n"), printed.stderr) == ("\n", 1, "")
    finally:
        subprocess.run(withdraw, capture_output=True, timeout=15)


def test_a_customers_path_brings_the_token_of_its_tenant_to_the_api(demo, tmp_path):
    example = next(e for e in demo.examples if "customer Adatum" in e.words)
    assert status_of(example.command, tmp_path) == 200
    api = re.search(r"partner API +(\S+)", demo.output)[1]
    seen = [request for request in httpx.get(f"{api}recorded").json() if request["path"].endswith("/users")][-1]
    assert (seen["token"]["tid"], seen["token"]["amr"]) == ("0c39d6d5-c70d-4c55-bc02-f620844f3fd1", ["pwd", "mfa"])


def test_inline_tokens_work_where_the_shell_sees_no_file_of_the_demo(tmp_path):
    demo = Demo("--tokens=inline")
    try:
        results = [(e.expected_status, status_of(e.command, tmp_path)) for e in demo.examples]
        assert [result for result in results if result[0] != result[1]] == []
        assert "$(cat" not in demo.output
    finally:
        demo.stop()


def test_a_folder_that_cant_be_written_leaves_the_tokens_inline(tmp_path):
    demo = Demo(TMPDIR=str(tmp_path / "missing"))
    try:
        assert status_of(demo.examples[0].command, tmp_path) == 200
        assert "$(cat" not in demo.output
    finally:
        demo.stop()


def test_the_files_belong_to_the_user_alone_and_end_with_the_demo():
    demo = Demo()
    try:
        folder = Path(re.search(r"cat (\S+)/jane\)", demo.output)[1])
        assert folder.stat().st_mode & 0o077 == 0
        assert demo.interrupt() == 0
        assert not folder.exists()
    finally:
        demo.stop()


def test_ctrl_c_ends_the_demo_with_success_within_five_seconds():
    demo = Demo()
    try:
        assert demo.interrupt() == 0
    finally:
        demo.stop()
