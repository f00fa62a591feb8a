"""A control panel vendor's application, and the customers of its partners: all of them consent, once and evenly."""

import collections
import json
import time
from urllib.parse import urlsplit

import httpx
import pytest
from support.demo import Provider
from support.job import OPERATOR, Job
from support.journal import metric, until
from support.partner_api import PartnerApi, guid
from support.portal import Portal, sealing_key, secret_file
from support.postgres import Postgres
from support.site import Site, send_form

PANEL, PANEL_SECRET = "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8", "demo-only-nightly-secret"
CONTOSO, SERVICE_ACCOUNT = "df845f1a-7b35-40a2-ba78-6481de91f8ae", "6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10"
GRAPH, ARM = "00000003-0000-0000-c000-000000000000", "797f4846-ba00-4fd7-ba43-dac1f8f63013"
GRANTS = [{"application": GRAPH, "scopes": ["Directory.Read.All", "User.Read.All"]}]


class Panel(Job):
    """A gateway that keeps the consent of a partner for a vendor."""

    def __init__(self, start, folder, provider, api, keys=None, vendor=None, **more):
        folder.mkdir(exist_ok=True)
        consent = {"client_id": PANEL, "client_secret_file": secret_file(folder, "panel", PANEL_SECRET), "tenant": CONTOSO,
                   "user": SERVICE_ACCOUNT, "scope": "https://api.partnercenter.microsoft.com/.default",
                   "tenant_token_endpoint": f"{provider.url}{{tenant}}/token", "single_use": False}
        vendors = [{"name": "panel", "application": PANEL, "api": api.url, "grants": GRANTS, "requests_per_second": 50,
                    "partners": [{"name": "contoso", "consent": "nightly"}], **(vendor or {})}]
        super().__init__(start, folder, provider, keys, consent=consent, vendors=vendors, **more)

    def sign_in(self, url: str) -> str:
        answer = httpx.get(url, params={**httpx.URL(url).params, "login_hint": "nightly"})
        return urlsplit(answer.headers["location"]).query

    def want(self, action: str = "consent", **question) -> httpx.Response:
        question = {"vendor": "panel", "partner": "contoso", **question}
        return httpx.post(f"{self.portal.admin_url}/vendors/{action}", json=question, headers=OPERATOR, timeout=20)

    def partner(self) -> dict:
        answer = httpx.get(f"{self.portal.admin_url}/vendors", headers=OPERATOR, timeout=20).raise_for_status().json()
        ((partner,),) = ([*vendor["partners"]] for vendor in answer["vendors"])
        return partner

    def count(self, state: str) -> int:
        return self.partner()["customers"][state]

    def is_done(self) -> bool:
        partner = self.partner()
        return not partner["asked"]["listing"] and partner["customers"]["due"] == 0


@pytest.fixture
def api():
    api = PartnerApi(customers=30, page=10)
    yield api
    api.close()


@pytest.fixture
def start(tmp_path, authority, session_demo, session_pages, session_sockets):
    """Starts gateways at the demo's identity provider, which has Entra's tenants."""
    provider, started = Provider(session_demo), []

    def portal(folder, **changes):
        started.append(Portal(folder, authority, provider, session_pages, session_sockets, **changes))
        return started[-1]

    def panel(api, folder=tmp_path, **more) -> Panel:
        return Panel(portal, folder, provider, api, **more)

    yield panel
    provider.honest()
    for one in started:
        one.stop()


def test_all_customers_consent_once_and_a_second_time_costs_no_request(start, api):
    api.consented[guid(3)] = {}
    panel = start(api)
    panel.give().raise_for_status()
    assert panel.want(all=True).json() == {"taken": True}
    until(panel.is_done, 20)
    counts = panel.partner()["customers"]
    assert (counts["consented"], counts["existed"], counts["failed"]) == (30, 1, 0), counts
    assert len(api.writes("POST")) == 30 and not api.writes("DELETE")
    body = api.consented[guid(0)]
    grants = [{"enterpriseApplicationId": GRAPH, "scope": "Directory.Read.All,User.Read.All"}]
    assert body == {"applicationId": PANEL, "displayName": "panel", "applicationGrants": grants}
    assert {asked.continuation for asked in api.asked if not asked.customer} == {"", "10", "20"}
    panel.want(all=True).raise_for_status()
    until(lambda: len([asked for asked in api.asked if not asked.customer]) == 6, 20)
    until(panel.is_done, 20)
    assert len(api.writes()) == 30
    # Anew: the consent goes, and comes back.
    panel.want(customers=[guid(5)], anew=True).raise_for_status()
    until(lambda: len(api.writes()) == 32 and panel.is_done(), 20)
    assert [asked.method for asked in api.writes()[30:]] == ["DELETE", "POST"]
    assert api.writes()[30].path == f"/v1/customers/{guid(5)}/applicationconsents/{PANEL}"
    tokens = {asked.authorization.split(" ")[1] for asked in api.asked}
    shown = json.dumps(panel.partner()) + panel.portal.log.read_text()
    assert tokens and not any(token in shown for token in tokens)
    assert metric(panel.portal, "mfa_gateway_vendor_requests_total", vendor="panel", result="existed") == 1
    until(lambda: metric(panel.portal, "mfa_gateway_vendor_customers", partner="contoso", state="consented") == 30, 20)


def test_what_is_removed_is_removed_though_it_was_not_there(start, api):
    api.consented = {guid(number): {} for number in range(20)}
    panel = start(api)
    panel.give().raise_for_status()
    panel.want("remove", customers=[guid(1), guid(29)]).raise_for_status()
    until(lambda: panel.count("removed") == 2, 20)
    assert guid(1) not in api.consented and len(api.consented) == 19
    panel.want("remove", all=True).raise_for_status()
    until(lambda: panel.count("removed") == 30, 20)
    assert api.consented == {} and len(api.writes("DELETE")) == 30


def test_other_grants_take_the_place_of_the_older_ones(start, api, tmp_path):
    panel = start(api)
    panel.give().raise_for_status()
    panel.want(customers=[guid(0), guid(1)]).raise_for_status()
    until(lambda: panel.count("consented") == 2, 20)
    panel.portal.stop()
    keys = [str(tmp_path / "consent.key")]
    panel = start(api, keys=keys, vendor={"grants": [*GRANTS, {"application": ARM, "scopes": ["user_impersonation"]}]})
    assert panel.count("otherGrants") == 2 and len(api.writes()) == 2
    panel.want(customers=[guid(0)]).raise_for_status()
    until(lambda: len(api.writes()) == 4 and panel.is_done(), 20)
    assert panel.count("otherGrants") == 1
    assert [asked.method for asked in api.writes()[2:]] == ["DELETE", "POST"]
    assert len(api.consented[guid(0)]["applicationGrants"]) == 2


@pytest.mark.slow
def test_pauses_are_kept_failures_are_told_and_what_passes_is_tried_again(start, api):
    seen = collections.Counter()

    def instead(asked):
        seen[asked.customer] += 1
        if asked.customer == guid(4) and seen[asked.customer] == 1:
            return 429, {}, {"Retry-After": "3"}
        if asked.customer == guid(7):
            return 403, {"code": 1111, "description": "No delegated rights <script>"}
        if asked.customer == guid(9) and seen[asked.customer] < 3:
            return 503, {}
        return None

    api.instead = instead
    panel = start(api)
    panel.give().raise_for_status()
    panel.want(all=True).raise_for_status()
    until(panel.is_done, 40)
    partner = panel.partner()
    assert partner["customers"]["consented"] == 29 and partner["customers"]["failed"] == 1
    (failure,) = partner["failures"]
    assert (failure["customer"], failure["why"]) == (guid(7), "403 1111") and failure["name"].startswith("Customer")
    assert seen[guid(4)] == 2 and seen[guid(7)] == 1 and seen[guid(9)] == 3
    first = next(asked.at for asked in api.asked if asked.customer == guid(4))
    # Those under way come before the pause, and nothing within it.
    assert not [asked for asked in api.asked if first + 0.5 < asked.at < first + 2.9]
    api.instead = lambda asked: None
    panel.want(customers=[guid(7)]).raise_for_status()
    until(lambda: panel.count("consented") == 30, 20)


def test_a_consent_that_does_not_work_stops_all_until_it_does(start, api):
    panel = start(api)
    panel.want(all=True).raise_for_status()
    until(lambda: panel.partner()["asked"]["trouble"] == "absent", 10)
    assert api.asked == [] and panel.partner()["consentState"] == "absent" and panel.partner()["remedy"]
    panel.give().raise_for_status()
    # Who asks again need not wait for the pause to be over.
    panel.want(all=True).raise_for_status()
    until(panel.is_done, 20)
    api.instead = lambda asked: (401, {}) if asked.customer else None
    panel.want(all=True, anew=True).raise_for_status()
    until(lambda: panel.partner()["asked"]["trouble"] == "token_refused", 20)
    refused = len(api.writes())
    time.sleep(2)
    assert len(api.writes()) == refused <= 30 + 10 and panel.count("failed") == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_thousand_customers_go_on_where_a_killed_process_was(start, tmp_path):
    api = PartnerApi(customers=1000, page=250)
    api.latency = 0.05
    panel = start(api)
    panel.give().raise_for_status()
    panel.want(all=True).raise_for_status()
    until(lambda: len(api.writes()) >= 300, 40)
    panel.portal.kill()
    panel.portal.process.returncode = 0
    panel = start(api, keys=[str(tmp_path / "consent.key")])
    # The lease of the one that died must be over first.
    until(panel.is_done, 70)
    again = collections.Counter(asked.customer for asked in api.writes())
    assert len(again) == len(api.consented) == panel.count("consented") == 1000
    repeated = sum(count - 1 for count in again.values())
    assert repeated <= 10, "more than were under way"
    assert api.fastest() <= 60, "evenly, as far as their arrival is"
    assert len([asked for asked in api.asked if not asked.customer]) <= 5
    api.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_of_two_replicas_one_works_at_a_time(start, tmp_path):
    api, postgres = PartnerApi(customers=300), Postgres()
    api.latency = 0.1
    try:
        keys = [sealing_key(tmp_path, "consent.key")]
        one, two = (
            start(api, folder=tmp_path / name, keys=keys, store={**postgres.settings, "timeout": "5s"}) for name in ("one", "two")
        )
        one.give().raise_for_status()
        two.want(all=True).raise_for_status()
        until(one.is_done, 60)
        assert two.count("consented") == 300
        assert len(api.writes("POST")) == 300 and api.fastest() <= 60
    finally:
        api.close()
        postgres.close()


@pytest.mark.parametrize("next, trouble", [
    ("{elsewhere}/v1/customers", "list_leads_elsewhere"),
    ("//127.0.0.1:{port}/v1/customers", "list_leads_elsewhere"),
    ("/../admin", "list_leads_elsewhere"),
    ("/customers?size=500", "list_repeats"),
])
def test_a_list_leads_no_token_elsewhere_and_has_an_end(start, api, next, trouble):
    elsewhere = PartnerApi()
    uri = next.format(elsewhere=elsewhere.url, port=urlsplit(elsewhere.url).port)
    items = [{"id": guid(1)}, {"id": "../../../x"}, {"id": None}]

    def instead(asked):
        return None if asked.customer else (200, {"items": items, "links": {"next": {"uri": uri, "headers": []}}})

    api.instead = instead
    panel = start(api)
    panel.give().raise_for_status()
    panel.want(all=True).raise_for_status()
    until(lambda: panel.partner()["asked"]["trouble"] == trouble, 20)
    time.sleep(1.5)
    assert panel.partner()["asked"]["trouble"] == trouble and not panel.partner()["asked"]["listing"]
    assert elsewhere.asked == [] and len([asked for asked in api.asked if not asked.customer]) <= 2
    assert {asked.customer for asked in api.writes()} <= {guid(1)}
    elsewhere.close()


@pytest.mark.parametrize("document, trouble", [
    (b"[" * 100_000, "list_malformed"), (b" " * (5 << 20), "api_unavailable"), (b"<html>", "list_malformed"),
    (json.dumps({"items": [{}] * 5001}).encode(), "list_too_large"),
])
def test_a_page_that_is_none_is_told_and_harms_nothing(start, api, document, trouble):
    api.instead = lambda asked: (200, document)
    panel = start(api)
    panel.give().raise_for_status()
    panel.want(all=True).raise_for_status()
    until(lambda: panel.partner()["asked"]["trouble"] == trouble, 20)
    assert panel.portal.memory_peak() < 400 << 20


def test_the_command_has_customers_consent_and_says_how_far_they_are(start, api):
    panel = start(api)
    panel.give().raise_for_status()
    command = lambda *arguments: panel.command(*arguments, of="vendors")
    assert command("consent", "panel", "contoso").returncode == 2
    assert command("consent", "panel", "fabrikam", "--all").returncode == 1
    taken = command("consent", "panel", "contoso", "--customer", guid(0), "--customer", guid(1))
    assert taken.returncode == 0 and "vendors list" in taken.stdout, taken
    until(lambda: panel.count("consented") == 2, 20)
    listed = command("list")
    assert listed.returncode == 0 and listed.stdout.splitlines()[1].split()[:5] == ["panel", "contoso", "alive", "0", "2"], listed
    assert command("purged", "panel", "contoso", "--how", "TICKET-1: deleted by Jane").stdout == "noted\n"
    purge = panel.partner()["purge"]
    assert (purge["by"], purge["how"], purge["standing"]) == ("token file", "TICKET-1: deleted by Jane", "stated")


def test_nobody_but_operators_asks_and_only_for_what_is_there(start, api):
    panel = start(api)
    for action in ("consent", "remove", "purged"):
        assert httpx.post(f"{panel.portal.admin_url}/vendors/{action}", json={}).status_code == 401
    assert httpx.get(f"{panel.portal.admin_url}/vendors").status_code == 401
    assert panel.want(partner="fabrikam", all=True).status_code == 404
    for odd in ({}, {"all": False}, {"customers": ["../x"]}, {"all": True, "customers": [guid(1)]}, {"all": True, "more": 1}):
        answer = panel.want(**odd)
        assert answer.status_code == 400 and answer.json()["reason"] == "malformed_request", odd
    assert panel.want("purged", how=" ").status_code == 400
    assert api.asked == [] and panel.partner()["asked"] is None


@pytest.fixture
def site(tmp_path, provider, pages, api):
    """The operators' site, with a vendor whose partner has yet to give its consent."""
    consents = [{"name": "nightly", "issuer": "idp", "client_id": PANEL, "authentication": "none", "scope": "api"}]
    vendors = [{"name": "panel", "application": PANEL, "api": api.url, "grants": GRANTS,
                "partners": [{"name": "contoso", "consent": "nightly"}]}]
    site = Site(tmp_path, provider, pages, consents=consents, consent_keys=[sealing_key(tmp_path, "consent.key")],
                vendors=vendors, report={})
    yield site
    site.stop()


def test_an_operator_has_customers_consent_and_states_a_purge_on_a_page(site, api):
    visitor = site.signed_in()

    def page():
        hop = visitor.send(site.at("/site/vendors"), site="same-origin")
        assert hop.status == 200 and "<script" not in hop.text, hop.text
        return hop

    assert "contoso" in page().text and "absent" in page().text and "no calls" in page().text
    unsure = send_form(visitor, page(), "/site/vendors/consent", without=("sure",))
    assert unsure.status == 422 and "not confirmed" in unsure.text
    asked = send_form(visitor, page(), "/site/vendors/consent", more={"sure": "yes"})
    assert asked.status == 200 and "The gateway works on it." in asked.text
    until(lambda: 'class="mark bad">absent' in page().text, 10)
    assert send_form(visitor, page(), "/site/vendors/purged", more={"how": " "}).status == 422
    stated = send_form(visitor, page(), "/site/vendors/purged", more={"how": "<script>TICKET-1</script>\r\nby Jane"})
    assert stated.status == 200 and "&lt;script&gt;TICKET-1" in stated.text and "no calls since" in stated.text
    forged = send_form(visitor, page(), "/site/vendors/consent", without=("proof",), more={"sure": "yes"})
    assert forged.status == 403 and api.asked == []
