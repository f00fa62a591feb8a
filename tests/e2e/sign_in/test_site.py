"""The operators' site: who gets in and how, what a page is, and that no other site acts for an operator."""

import json
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from support.identity_provider import AGENTS, CASEY, JANE, JOHN, person
from support.journal import lines, metric, until
from support.links import Links
from support.operators import TOKEN
from support.site import PAGES, SESSION, Site, send_form

BEARER = {"Authorization": f"Bearer {TOKEN}"}
FORM = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "same-origin")]
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>"\'&'


@pytest.fixture
def start_site(tmp_path, provider, pages):
    started = []

    def start(**changes) -> Site:
        started.append(Site(tmp_path, provider, pages, **changes))
        return started[-1]

    yield start
    for site in started:
        site.stop()


@pytest.fixture
def site(start_site):
    return start_site()


class Outline(HTMLParser):
    """The elements of a page, and whether each that is opened is closed."""

    VOID = {"meta", "link", "input", "img", "br", "hr", "option"}

    def __init__(self, text: str):
        super().__init__()
        self.seen: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.problems: list[str] = []
        self.feed(text)
        self.problems += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes another element")

    def count(self, tag: str) -> int:
        return sum(seen == tag for seen, _ in self.seen)


def assert_sound(hop):
    """A page that every reader finds the way through, and that its policy lets work."""
    outline = Outline(hop.text)
    assert outline.problems == [], hop.url
    assert [outline.count(tag) for tag in ("h1", "main", "nav", "header", "footer", "title")] == [1] * 6, hop.url
    assert outline.count("script") == 0
    ids = [attributes["id"] for _, attributes in outline.seen if "id" in attributes]
    assert len(ids) == len(set(ids)), ids
    for tag, attributes in outline.seen:
        assert "style" not in attributes and not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert all(one in ids for one in attributes.get(name, "").split()), (tag, attributes)
        if tag == "th":
            assert attributes.get("scope") in ("col", "row"), attributes
        if tag in ("input", "select", "textarea") and attributes.get("type") not in ("hidden", "checkbox", "radio"):
            assert any(other.get("for") == attributes["id"] for _, other in outline.seen), attributes
    policy = hop.fields.one("Content-Security-Policy")
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
    assert hop.fields.one("Cache-Control") == "no-store" and hop.fields.one("X-Content-Type-Options") == "nosniff"


def test_an_operator_signs_in_and_gets_every_page(site, provider):
    visitor = site.visitor()
    hop = visitor.open(site.at("/site/sessions"))
    assert hop.status == 200 and hop.url == site.at("/site/sessions"), "back to the page that was asked for"
    assert site.trips(visitor) == 1 and provider.complaints == []
    for path in PAGES:
        hop = visitor.send(site.at(path), site="same-origin")
        assert hop.status == 200 and "Jane" in hop.text, path
        assert_sound(hop)
        head = visitor.send(site.at(path), "HEAD", site="same-origin")
        assert head.status == 200 and head.response.body == b"", path
    style = visitor.fetch(site.at("/site.css"))
    assert style.status == 200 and style.fields.one("Content-Type").startswith("text/css")
    assert site.trips(visitor) == 1
    cookie = visitor.cookies()[SESSION]
    assert "httponly" in cookie.attributes and "secure" in cookie.attributes and cookie.same_site == "lax"


def test_a_person_without_the_role_gets_a_page_and_no_loop(site, provider):
    provider.person = person("Trent", "always", "others")
    visitor = site.visitor()
    hop = visitor.open(site.at("/"))
    assert hop.status == 403 and "agent" in hop.text and "the help desk" in hop.text
    assert site.trips(visitor) == 1 and visitor.send(site.at("/")).status == 403 and site.trips(visitor) == 1
    asked = visitor.fetch(site.at("/config"))
    assert asked.status == 403 and asked.fields.one("Content-Type").startswith("application/problem+json")


def test_only_listed_users_are_operators(start_site, provider):
    site = start_site(operators={"users": [JANE["sub"]]})
    assert site.signed_in() is not None
    provider.person = dict(JOHN, mfa="always")
    visitor = site.visitor()
    assert visitor.open(site.at("/")).status == 403 and site.trips(visitor) == 1


def test_mfa_is_asked_for_and_nobody_gets_in_without(site, provider):
    provider.person = dict(JOHN)
    visitor = site.visitor()
    assert visitor.open(site.at("/")).status == 200, "he does MFA when he is asked for it"
    provider.person = dict(CASEY)
    visitor = site.visitor()
    hop = visitor.open(site.at("/"))
    assert hop.status == 403 and "MFA" in hop.text, hop.text
    trips = site.trips(visitor)
    assert trips <= 2 and visitor.send(site.at("/site/sessions")).status == 403 and site.trips(visitor) == trips


def test_a_script_without_a_session_gets_401_and_no_redirect(site):
    visitor = site.visitor()
    for path in ("/", "/site/sessions"):
        hop = visitor.fetch(site.at(path))
        assert hop.status == 401 and "sign_in" in hop.text and hop.location is None, path
    # Programs are told as ever.
    plain = httpx.get(site.at("/sessions"))
    assert plain.status_code == 401 and plain.json()["reason"] == "no_credential"


def test_a_token_is_judged_alone(site):
    assert httpx.get(site.at("/site/sessions"), headers=BEARER).status_code == 200
    visitor = site.signed_in()
    wrong = visitor.fetch(site.at("/config"))
    assert wrong.status == 200, "by the session"
    cookie = f"{SESSION}={visitor.cookies()[SESSION].value}"
    for path in ("/config", "/site/sessions", "/"):
        asked = httpx.get(site.at(path), headers={"Authorization": "Bearer wrong", "Cookie": cookie})
        assert asked.status_code == 401, f"{path}: a bad token is not rescued by a cookie"


def test_the_endpoints_take_the_session_of_the_same_origin_alone(site):
    visitor = site.signed_in()
    listed = visitor.fetch(site.at("/sessions"))
    assert listed.status == 200 and '"mfa":true' in listed.text
    body = b'{"all": true}'
    fields = [("Content-Type", "application/json"), ("Sec-Fetch-Mode", "cors"), ("Accept", "*/*")]
    for where, origin in (("cross-site", "https://evil.example"), ("same-site", "http://localhost:1"), ("none", None)):
        headers = [*fields, ("Sec-Fetch-Site", where)]
        cookies = f"{SESSION}={visitor.cookies()[SESSION].value}"
        hop = visitor.send(site.at("/sessions/end"), "POST", headers, body, where, cookies, origin)
        assert hop.status == 403, (where, hop.text)
    assert visitor.send(site.at("/")).status == 200, "nothing has ended"


def test_a_session_ends_by_its_form_and_no_other(site):
    visitor, other = site.signed_in(), site.signed_in()
    page = visitor.send(site.at("/site/sessions"), site="same-origin")
    rows = [row for row in page.text.split("<tr>") if 'name="id"' in row]
    assert [("this browser" in row) for row in rows].count(True) == 1 and len(rows) == 2
    theirs = dict(Links(next(row for row in rows if "this browser" not in row)).forms[0].fields)
    foreign = dict(Links(other.send(site.at("/site/sessions"), site="same-origin").text).forms[-1].fields)["proof"]

    def end(*fields, **more):
        return visitor.post(site.at("/site/sessions/end"), urlencode(fields).encode(), **more)

    for wrong in ("", "x", foreign, theirs["proof"][:-2]):
        assert end(("proof", wrong), ("id", theirs["id"])).status == 403, wrong
    assert end(("proof", theirs["proof"]), ("proof", theirs["proof"]), ("id", theirs["id"])).status == 403
    cookies = f"{SESSION}={visitor.cookies()[SESSION].value}"
    for origin, where in (("https://evil.example", "cross-site"), ("null", "cross-site"), ("http://localhost:1", "same-site")):
        hop = end(*theirs.items(), origin=origin, site=where, cookies=cookies)
        assert hop.status == 403, origin
    assert other.send(site.at("/")).status == 200, "nothing has ended"
    hop = end(*theirs.items())
    assert hop.status == 303
    assert "1 session ended." in visitor.send(hop.location, site="same-origin").text
    assert visitor.send(site.at("/")).status == 200 and other.send(site.at("/")).status in (302, 303)


def test_signing_out_ends_the_session(site):
    visitor = site.signed_in()
    page = visitor.send(site.at("/"), site="same-origin")
    ask = visitor.send(site.at(Links(page.text).links["Sign out"]), site="same-origin")
    assert ask.status == 200
    before = visitor.cookies()[SESSION].value
    hop = send_form(visitor, ask, "/.mfa-gateway/sign-out", "Sign out")
    assert SESSION not in visitor.cookies()
    assert visitor.send(site.at("/"), cookies=f"{SESSION}={before}").status in (302, 303), "the old cookie is no session"
    assert hop.status in (200, 404)


def test_hostile_text_stays_text_and_is_cut(site, provider):
    provider.person = {**person("Mallory", "always", AGENTS), "preferred_username": HOSTILE, "name": HOSTILE}
    visitor = site.signed_in()
    for path in PAGES:
        hop = visitor.send(site.at(path), site="same-origin")
        assert "<script>alert" not in hop.text and "<img src=x" not in hop.text, path
        assert_sound(hop)
    provider.person = {**person("Long", "always", AGENTS), "preferred_username": "n" * 10_000, "name": "n" * 10_000}
    long = site.signed_in("/site/sessions")
    assert "n" * 1000 not in long.hops[-1].text


def test_a_token_is_explained_without_being_shown(site, provider):
    visitor = site.signed_in()
    page = visitor.send(site.at("/site/explain"), site="same-origin")
    token = provider.access_token({"person": dict(JOHN), "mfa": False})
    hop = send_form(visitor, page, "/site/explain", more={"token": token, "path": "/v1/x"})
    assert hop.status == 200 and "mfa_missing" in hop.text and token.split(".")[2] not in hop.text
    assert_sound(hop)
    hop = send_form(visitor, page, "/site/explain", more={"path": "/v1/x", "method": "B AD"})
    assert hop.status == 400 and "not an HTTP method" in hop.text
    hop = send_form(visitor, page, "/site/explain", more={"path": HOSTILE, "host": HOSTILE, "token": HOSTILE, "method": "GET"})
    assert "<script>alert" not in hop.text
    assert not site.logged(token.split(".")[2], within=0.3)


def test_the_configuration_is_shown_and_read_again(site):
    visitor = site.signed_in()
    page = visitor.send(site.at("/site/configuration"), site="same-origin")
    assert "generation 1" in page.text and "/v1/" in page.text and TOKEN not in page.text
    hop = send_form(visitor, page, "/site/configuration/reload")
    assert hop.status == 200 and "was reloaded" in hop.text and "generation 2" in hop.text
    good = site.config_file.read_text()
    site.config_file.write_text(good + "\nnonsense: 1\n")
    hop = send_form(visitor, visitor.send(site.at("/site/configuration"), site="same-origin"), "/site/configuration/reload")
    assert hop.status == 422 and "nonsense" in hop.text
    site.config_file.write_text(good)


def test_the_listener_keeps_its_names_and_the_traffic_port_has_none_of_it(site):
    visitor = site.visitor()
    for path in ("/", "/site/sessions", "/.mfa-gateway/sign-in"):
        foreign = httpx.get(site.at(path), headers={"Host": "evil.example", "Accept": "text/html"})
        assert foreign.status_code == 421, path
    for path in ("/.mfa-gateway/sign-in", "/.mfa-gateway/callback", "/site/sessions"):
        assert httpx.get(f"{site.url}{path}").status_code == 404, path
    assert visitor.hops == []


def test_what_everyone_may_have_needs_no_session(site):
    cookie = {"Cookie": f"{SESSION}=gone"}
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
        assert httpx.get(site.at(path), headers={**cookie, "Accept": "text/html"}).status_code == 200, path


def replayed(visitor, site, files: dict, **fields):
    """Sends the form of the page with files."""
    page = visitor.send(site.at("/site/replay"), site="same-origin")
    proof = dict(Links(page.text).forms[-1].fields)["proof"]
    parts = {"proof": proof, "source": "file", **fields}
    request = httpx.Request("POST", site.at("/site/replay"), data=parts, files=files)
    kind = request.headers["Content-Type"]
    return visitor.send(site.at("/site/replay"), "POST", [*FORM, ("Content-Type", kind)], request.read(), "same-origin",
                        origin=site.origin)


def test_a_log_is_decided_again_under_another_configuration(start_site, provider, tmp_path):
    log = tmp_path / "decisions.log"
    api = {"prefix": "/v1/", "upstream": "api", "mode": "report"}
    site = start_site(routes=[api], log={"decisions": "all", "decision_output": str(log)})
    visitor = site.signed_in()
    token = provider.access_token({"person": dict(JOHN), "mfa": False})
    for _ in range(3):
        assert httpx.get(f"{site.url}/v1/x", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    until(lambda: len(lines(log)) == 3)
    enforced = site.config_file.read_text().replace("mode: report", "mode: enforce")
    hop = replayed(visitor, site, {"log": log.read_bytes(), "configuration_file": enforced.encode()})
    assert hop.status == 200 and "would be refused" in hop.text and "mfa missing" in hop.text, hop.text
    assert JOHN["sub"] in hop.text
    assert_sound(hop)
    own = replayed(visitor, site, {"log": b""}, source="own", configuration=enforced)
    assert own.status == 200 and "would be refused" in own.text
    as_it_is = replayed(visitor, site, {"log": b""}, source="own")
    assert "Nobody would notice" in as_it_is.text
    before = replayed(visitor, site, {"log": b""}, source="own", to="2020-01-01T00:00")
    assert "no decision to decide again" in before.text


def test_a_replay_refuses_what_is_none(site, provider):
    visitor = site.signed_in()
    line = b'{"event": "decision", "user": "' + HOSTILE.replace('"', "'").encode() + b'"}\n'
    for files, fields, status, words in (
        ({"log": b""}, {}, 422, "no log"),
        ({"log": b"no log at all\n"}, {}, 200, "could not be read"),
        ({"log": line}, {}, 200, "could not be read"),
        ({"log": b"{}\n"}, {"configuration": "nonsense: ["}, 422, "Nothing was replayed"),
        ({"log": b"{}\n"}, {"configuration": "listeners: [{address: '${HOME}:1'}]"}, 422, "HOME"),
        ({"log": b"{}\n"}, {"from": "yesterday"}, 422, "date and time"),
        ({"log": b"{}\n"}, {"source": "own"}, 422, "into no file"),
        ({"log": b"{}\n"}, {"proof": "wrong"}, 403, "not of a page of this session"),
        ({"log": b"x" * (65 << 20)}, {}, 413, "too large"),
    ):
        hop = replayed(visitor, site, files, **fields)
        assert hop.status == status and words in hop.text, (fields, hop.status, hop.text[-1500:])
        assert "<script>alert" not in hop.text and str(Path.home()) not in hop.text
    assert visitor.post(site.at("/site/replay"), b"proof=x").status == 400


def counted(site, provider, visitor) -> dict:
    """Requests of two users to the API, with and without MFA, and what the report says of them."""
    for who, mfa, count in ((JANE, True, 3), (JOHN, False, 2)):
        token = provider.access_token({"person": dict(who), "mfa": mfa})
        for _ in range(count):
            httpx.get(f"{site.url}/v1/x", headers={"Authorization": f"Bearer {token}"})
    answer = visitor.fetch(site.at("/report"))
    assert answer.status == 200
    return json.loads(answer.text)


def test_the_report_shows_what_the_endpoint_tells_and_each_number_leads_to_its_list(start_site, provider):
    site = start_site(report={})
    visitor = site.signed_in()
    report = counted(site, provider, visitor)
    assert report["api"]["percent"] == 60 and report["api"]["refused"] == 2
    page = visitor.send(site.at("/site/report"), site="same-origin")
    assert page.status == 200 and "60 %" in page.text and "3 of 5 requests" in page.text and "no data" in page.text
    assert_sound(page)
    assert "<svg" in page.text and "<circle" in page.text
    links = Links(page.text)
    assert JOHN["sub"] in links.text
    of_john = visitor.send(site.at(links.links[JOHN["sub"]]), site="same-origin")
    assert of_john.status == 200 and "0 %" in of_john.text and "Delete the records" in of_john.text
    assert_sound(of_john)
    lists = [href for href in (attributes.get("href", "") for attributes in links.all("a")) if "/requests?" in href]
    assert len(lists) >= 5
    for href in lists:
        shown = visitor.send(site.at(href), site="same-origin")
        assert shown.status == 200 and JOHN["sub"] in shown.text, href
        assert "mfa=without" not in href or JANE["sub"] not in shown.text, href
    assert_sound(shown)
    for href in (attributes["href"] for attributes in links.all("a") if attributes.get("href", "").startswith("/report")):
        download = visitor.send(site.at(href), site="same-origin")
        assert download.status == 200 and not download.fields.one("Content-Type").startswith("text/html"), href
    overview = visitor.send(site.at("/"), site="same-origin")
    assert "60 %" in overview.text and "The last seven days" in overview.text
    assert_sound(overview)
    forgotten = send_form(visitor, of_john, "/site/report/forget")
    assert forgotten.status == 200 and JOHN["sub"] not in forgotten.text and "60 %" in forgotten.text


def test_a_report_is_asked_for_by_its_form_and_strictly(start_site, provider):
    site = start_site(report={})
    visitor = site.signed_in()
    counted(site, provider, visitor)
    for query, status in (("from=2020-01-01&to=2020-01-07", 200), ("from=&to=", 200), ("from=yesterday", 400),
                          ("who=me", 400), ("tenant=a&tenant=b", 400), ("tenant=%3Cscript%3Ealert(1)%3C/script%3E", 200)):
        hop = visitor.send(site.at(f"/site/report?{query}"), site="same-origin")
        assert hop.status == status, query
        assert_sound(hop)
        assert "<script>" not in hop.text
    empty = visitor.send(site.at("/site/report?from=2020-01-01&to=2020-01-07"), site="same-origin")
    assert "no data" in empty.text and "100 %" not in empty.text


def test_without_a_report_the_page_says_so(site):
    hop = site.signed_in().send(site.at("/site/report"), site="same-origin")
    assert hop.status == 200 and "counts nothing" in hop.text
    assert_sound(hop)


APPROVERS = "approvers"
ANN = person("Ann", "always", APPROVERS)


@pytest.fixture
def campaign(start_site):
    """Agents are operators and may ask; approvers, who are none, may answer."""
    roles = [{"name": "agent", "granted_by": "the help desk", "any": [{"claim": "groups", "contains": AGENTS}]},
             {"name": "approver", "any": [{"claim": "groups", "contains": APPROVERS}]}]
    return start_site(roles=roles, exception_requests={"request": ["agent"], "approve": ["approver"]}, report={})


def ask(visitor, site, files=None, **fields):
    """Sends the form that asks for an exception."""
    page = visitor.send(site.at("/site/exceptions/new"), site="same-origin")
    assert page.status == 200
    proof = dict(Links(page.text).forms[-1].fields)["proof"]
    ends = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 5 * 86400))
    parts = {"proof": proof, "ground": "software_without_mfa", "software": "Ledger 4", "purchaseOrder": "PO-7", "owner": "Jane",
             "reason": HOSTILE, "user": JOHN["sub"], "ends": ends, **fields}
    request = httpx.Request("POST", site.at("/x"), data=parts, files=files or {"file_other": ("a.txt", b"why", "text/plain")})
    headers = [*FORM, ("Content-Type", request.headers["Content-Type"])]
    sent = visitor.send(site.at("/site/exceptions/new"), "POST", headers, request.read(), "same-origin", origin=site.origin)
    return visitor.send(sent.location, site="same-origin") if sent.status == 303 else sent


def test_one_person_asks_and_another_one_grants_with_every_step_on_the_page(campaign, provider):
    site, jane = campaign, campaign.signed_in()
    token = provider.access_token({"person": dict(JOHN), "mfa": False})
    called = lambda: httpx.get(f"{site.url}/v1/x", headers={"Authorization": f"Bearer {token}"}).status_code  # noqa: E731
    assert called() == 401
    page = ask(jane, site)
    assert page.status == 200 and "requested" in page.text and JOHN["sub"] in page.text, page.text
    assert "<script>alert" not in page.text and "a.txt" in page.text
    assert_sound(page)
    step = page.url.replace(site.origin, "")
    assert "waits for an answer" in jane.send(site.at("/"), site="same-origin").text
    own = send_form(jane, page, f"{step}/approve", more={"reason": "I say so"})
    assert own.status == 403, "the requester doesn't answer"
    provider.person = dict(ANN)
    ann = site.visitor()
    seen = ann.open(page.url)
    assert seen.status == 200 and "Approve" in seen.text and 'href="/site/sessions"' not in seen.text, "no operator"
    assert_sound(seen)
    assert ann.send(site.at("/site/sessions")).status == 403 and ann.send(site.at("/")).status == 403
    assert "Open the page again" in send_form(ann, seen, f"{step}/approve", without=("proof",), more={"reason": "x"}).text
    granted = send_form(ann, seen, f"{step}/approve", more={"reason": "seen and right"})
    assert granted.status == 200 and "active" in granted.text and "seen and right" in granted.text and "Ann" in granted.text
    until(lambda: called() == 200, within=5)
    again = send_form(ann, seen, f"{step}/reject", more={"reason": "too late"})
    assert again.status == 409, "somebody was faster"
    evidence = ann.send(site.at(next(href for words, href in Links(granted.text).links.items() if words == "a.txt")), site="same-origin")
    assert evidence.status == 200 and evidence.fields.one("Content-Disposition").startswith("attachment")
    ended = send_form(jane, jane.send(page.url, site="same-origin"), f"{step}/revoke", more={"reason": "replaced"})
    assert ended.status == 200 and "revoked" in ended.text
    until(lambda: called() == 401, within=5)
    listed = jane.send(site.at("/site/exceptions?state=revoked"), site="same-origin")
    assert listed.status == 200 and step in listed.text
    assert_sound(listed)
    assert jane.send(site.at("/site/exceptions?state=active"), site="same-origin").text.count(step) == 0
    assert jane.send(site.at("/site/exceptions?state=odd"), site="same-origin").status == 400


def test_what_is_no_ground_or_not_whole_is_answered_and_stays_filled_in(campaign):
    jane = campaign.signed_in()
    for fields, status, words in (
        ({"ground": "no_phones"}, 422, "without a phone"),
        ({"ground": ""}, 422, "Choose a ground"),
        ({"user": ""}, 422, "every caller"),
        ({"ends": "2020-01-01T00:00"}, 422, "end before it begins"),
        ({"ends": "2099-01-01T00:00"}, 422, "longer than one may"),
        ({"proof": "x"}, 403, "not of a page of this session"),
    ):
        hop = ask(jane, campaign, **fields)
        assert hop.status == status and words in hop.text, (fields, hop.status, hop.text[-2500:])
        assert_sound(hop)
        assert "<script>alert" not in hop.text and (status == 403 or "Ledger 4" in hop.text)
    assert "There are none." in jane.send(campaign.at("/site/exceptions"), site="same-origin").text


def test_who_may_neither_ask_nor_answer_gets_no_page_of_exceptions(campaign, provider):
    provider.person = person("Trent", "always", "others")
    visitor = campaign.visitor()
    assert visitor.open(campaign.at("/site/exceptions")).status == 403 and campaign.trips(visitor) == 1


def test_delegations_are_listed_counted_and_shown_before_they_end(start_site):
    partner, ends, renewed, over, far = (f"{digit}a111111-1111-4111-8111-11111111111c" for digit in range(1, 6))

    def delegation(customer: str, since: float, until: float, *roles: str) -> dict:
        at = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400)) for days in (since, until)]
        return {"partner": partner, "customer": customer, "roles": list(roles), "from": at[0], "until": at[1]}

    site = start_site(delegations=[
        delegation(far, -1, 300, "agent"), delegation(ends, -1, 5, "agent"), delegation(renewed, -1, 5), delegation(renewed, 4, 200, "agent"),
        delegation(over, -9, -1),
    ])
    assert httpx.get(f"{site.admin_url}/delegations").status_code == 401
    answer = httpx.get(f"{site.admin_url}/delegations", headers=BEARER).raise_for_status().json()
    assert answer["partners"] == [partner]
    listed = [(one["customer"], one["state"], one["renewed"]) for one in answer["delegations"]]
    assert listed[0] == (over, "ended", False) and listed[-1] == (far, "active", False) and (renewed, "pending", False) in listed
    assert (renewed, "active", True) in listed and (ends, "active", False) in listed
    assert answer["delegations"][0]["secondsLeft"] == 0 and answer["delegations"][-1]["roles"] == ["agent"]
    for state, count in (("pending", 1), ("active", 3), ("ended", 1)):
        assert metric(site, "mfa_gateway_delegations", state=state) == count
    for within in ("7d", "30d"):
        assert metric(site, "mfa_gateway_delegations_ending", within=within) == 1
    hop = site.signed_in().send(site.at("/"), site="same-origin")
    assert_sound(hop)
    text = Links(hop.text).text
    assert "3 in force" in text and text.count(ends) == 2 and text.count(over) == 2 and renewed not in text and far not in text
