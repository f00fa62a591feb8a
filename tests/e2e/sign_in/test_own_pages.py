"""The gateway's own pages, as bytes and in Chromium (SIGN-IN 22)."""

import re
from html.parser import HTMLParser

import pytest
from playwright.sync_api import expect

from support.identity_provider import CASEY, JANE, JOHN
from support.links import Links, press

HOSTILE = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">\"'&{{7*7}}"
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Balanced(HTMLParser):
    """Fails on an element that is not closed, or closed twice."""

    def __init__(self, text: str):
        super().__init__()
        self.open = []
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag, _attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)


def own_pages(portal, provider) -> dict:
    """A page of each kind."""
    pages = {}
    provider.person = {**CASEY, "name": HOSTILE, "groups": []}
    casey = portal.signed_in()
    pages["MFA is missing"] = casey.open(portal.at("/mfa/a"))
    pages["MFA is still missing"] = casey.send(portal.at("/mfa/b"))
    pages["a role is missing"] = casey.send(portal.at("/commerce/a"))
    pages["sign-out"] = casey.send(portal.own("sign-out"))
    pages["sessions"] = casey.send(portal.own("sessions"))
    pages["another origin"] = casey.post(portal.at("/pages/a"), site="cross-site", cookies=line(casey))
    pages["a form"] = portal.visitor().post(portal.at("/pages/a"), b"a=1")
    pages["a foreign callback"] = portal.visitor().send(portal.own("callback?code=a&state=b"))
    pages["signed out"] = portal.visitor().send(portal.own("signed-out"))
    pages["an unknown own path"] = portal.visitor().send(portal.own("nothing"))
    provider.change_response = lambda answer: [("error", HOSTILE), ("error_description", HOSTILE), *answer[1:]]
    pages["an error"] = portal.visitor().open(portal.at("/pages/a"))
    provider.change_response = lambda answer: [("error", "temporarily_unavailable"), *answer[1:]]
    pages["unavailable"] = portal.visitor().open(portal.at("/pages/a"))
    return pages


def line(visitor) -> str:
    return "; ".join(f"{name}={cookie.value}" for name, cookie in visitor.cookies().items())


STATUSES = {
    "MFA is missing": 403, "MFA is still missing": 403, "a role is missing": 403, "sign-out": 200, "sessions": 200, "another origin": 403,
    "a form": 401, "a foreign callback": 400, "signed out": 200, "an unknown own path": 404, "unavailable": 503,
}


def test_s22_p39_every_page_says_the_truth_in_valid_html_under_a_strict_policy(portal, provider):
    for name, hop in own_pages(portal, provider).items():
        assert hop.status == STATUSES.get(name, hop.status), (name, hop)
        assert hop.fields.one("Content-Type").lower() == "text/html; charset=utf-8", name
        policy = hop.fields.one("Content-Security-Policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy, (name, policy)
        assert "script-src" not in policy and hop.fields.one("X-Content-Type-Options") == "nosniff", name
        assert (hop.fields.one("Cache-Control"), hop.fields.one("Referrer-Policy")) == ("no-store", "no-referrer"), name
        page = Links(hop.text)
        Balanced(hop.text)
        assert hop.text.lower().startswith("<!doctype html>"), name
        assert page.all("html")[0].get("lang") and len(page.all("h1")) == 1 and re.search("<title>[^<]+</title>", hop.text), name
        assert not page.all("script") and not page.all("img") and not page.all("iframe"), name
        assert not any(key.startswith("on") or key == "style" for _, attributes in page.elements for key in attributes), name
        assert any("width=device-width" in meta.get("content", "") for meta in page.all("meta")), name
        assert page.links or page.forms, f"{name}: nothing leads on"
        for href in (*page.links.values(), *(form.action for form in page.forms)):
            assert href.startswith("/") and not href.startswith("//"), (name, href)
        assert "127.0.0.1" not in hop.text and "panicked" not in hop.text and ".rs:" not in hop.text, name


def test_s22_p39_no_page_shows_what_is_secret(portal, provider):
    given = []
    provider.change_answer = lambda answer: given.append(answer) or answer
    shown = " ".join(hop.text for hop in own_pages(portal, provider).values())
    for asked in provider.asked:
        for name in ("state", "nonce", "code_challenge"):
            assert dict(asked)[name] not in shown
    for form in provider.redeemed:
        assert form["code"] not in shown and form["code_verifier"] not in shown
    for answer in given:
        assert answer["access_token"] not in shown and answer["id_token"].split(".")[2] not in shown


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_s22_nothing_of_a_provider_runs_and_everything_can_be_read(open_browser, portal, provider, javascript, scheme):
    provider.person = {**CASEY, "name": HOSTILE, "preferred_username": HOSTILE, "groups": []}
    page = open_browser(javascript=javascript, scheme=scheme, width=360)
    page.goto(portal.at("/pages/a"))
    for path, status in (("/mfa/a", 403), ("/commerce/a", 403), ("/.mfa-gateway/sessions", 200), ("/.mfa-gateway/sign-out", 200)):
        assert page.goto(portal.at(path)).status == status
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert "ran" not in page.title()
        assert page.locator("main").count() == 1
        if javascript:
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{path} is wider than a phone"
            assert page.evaluate(CONTRAST) == [], path
    # The site has no favicon.
    assert [fault for fault in page.faults if "403" not in fault and "404" not in fault] == []


# WCAG 2.2, 1.4.3: 4.5 to 1.
CONTRAST = """() => {
    const light = (color) => {
        const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        const color = getComputedStyle(element).backgroundColor;
        return color === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : color;
    };
    return [...document.querySelectorAll("h1, h2, p, label, button, li, dt, dd, a, td, th")]
        .filter((element) => element.checkVisibility() && element.innerText.trim())
        .map((element) => {
            const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
            return [element.outerHTML.slice(0, 80), (a + 0.05) / (b + 0.05)];
        })
        .filter(([, ratio]) => ratio < 4.5);
}"""


def test_s22_s03_without_a_script_and_by_keyboard_alone_a_person_gets_on(open_browser, portal, provider):
    provider.person = dict(CASEY)
    page = open_browser(javascript=False)
    page.goto(portal.at("/pages/a"))
    assert page.goto(portal.at("/mfa/a?b=c")).status == 403
    provider.person["mfa"] = "always"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text().strip() == "Try again":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(portal.at("/mfa/a?b=c"))
    page.goto(portal.own("sign-out"))
    page.get_by_role("button", name="Sign out", exact=True).press("Enter")
    page.wait_for_url(portal.own("signed-out") + "*")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert portal.goes_to_provider(portal.visitor().send(portal.at("/pages/a")))
    assert not [cookie for cookie in page.context.cookies(portal.public_url) if cookie["name"] == "__Host-mfa-gateway"]


def test_s22_s04_the_page_of_a_missing_role_leads_to_another_account(portal, provider):
    provider.person = {**JOHN, "groups": []}
    visitor = portal.signed_in()
    hop = visitor.send(portal.at("/commerce/a?b"))
    words = {*Links(hop.text).links, *(form.label for form in Links(hop.text).forms)}
    assert {"Sign out", "Use another account"} & words, words
    provider.person = dict(JANE)
    hop = press(visitor, hop, "Use another account")
    assert (hop.status, hop.url) == (200, portal.at("/commerce/a?b")), visitor.hops
    assert provider.last.get("prompt") in ("select_account", "login")


def test_s22_p17_the_page_never_hides_behind_a_frame(open_browser, portal, provider):
    provider.person = dict(CASEY)
    page = open_browser()
    page.goto(portal.at("/pages/a"))
    page.set_content(f"<iframe id='f' src='{portal.at('/mfa/a')}'></iframe>")
    page.wait_for_timeout(500)
    frames = [frame for frame in page.frames if frame != page.main_frame]
    assert all("MFA" not in frame.content() for frame in frames)
