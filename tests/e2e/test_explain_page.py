"""The page that explains a token, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from support.browser import launch
from support.operators import TOKEN, operated


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, issuer, session_backend):
    gateway = operated(tmp_path_factory.mktemp("page"), issuer, session_backend)
    yield gateway
    gateway.stop()


@pytest.fixture
def page(browser, gateway):
    """The page, opened. Everything that it asked for, and what went wrong in it, is in `requests` and `faults`."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(8000)
    page.requests, page.faults = [], []
    page.on("request", lambda request: page.requests.append(request))
    page.on("console", lambda message: message.type in ("error", "warning") and page.faults.append(message.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.policy = page.goto(f"{gateway.admin_url}/").headers["content-security-policy"]
    yield page
    context.close()


def sign_in(page: Page, token: str = TOKEN):
    page.get_by_label("Your operator's token").fill(token)
    page.get_by_label("Your operator's token").blur()


def explain(page: Page, token: str, path: str = "/v1/customers"):
    page.get_by_label("The token to explain").fill(token)
    page.get_by_label("Path").fill(path)
    page.get_by_role("button", name="Explain").click()


def outcomes(page: Page) -> dict[str, str]:
    items = page.locator("#steps li").all()
    return {item.locator(".name").inner_text(): item.locator(".outcome").inner_text() for item in items}


def test_each_step_is_shown_to_pass_or_fail_with_its_evidence(page, issuer):
    sign_in(page)
    explain(page, issuer.john())
    expect(page.get_by_role("heading", level=2)).to_have_text("Refused with 401 (mfa_missing)")
    shown = outcomes(page)
    assert shown["signature"] == shown["issuer"] == shown["audience"] == shown["time"] == "pass"
    assert shown["evidence"] == "fail"
    expect(page.locator("#steps li.fail").first).to_contain_text('amr ["pwd"]')
    expect(page.locator("#remedy")).to_contain_text("Sign in again with MFA")
    assert page.locator("#answer").evaluate("element => element === document.activeElement")

    explain(page, f"Bearer {issuer.jane()}")
    expect(page.get_by_role("heading", level=2)).to_have_text("Permitted (mfa)")
    assert "fail" not in outcomes(page).values()
    assert page.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colour_of_a_step_is_that_of_its_own_outcome(page, issuer, scheme):
    page.emulate_media(color_scheme=scheme)
    sign_in(page)
    colours = {}
    for token, verdict in [(issuer.john(), "Refused"), (issuer.jane(), "Permitted")]:
        explain(page, token)
        expect(page.get_by_role("heading", level=2)).to_contain_text(verdict)
        colours[verdict] = page.locator("#verdict").evaluate("element => getComputedStyle(element).color")
        for item in page.locator("#steps li").all():
            outcome = item.locator(".outcome")
            colour = outcome.evaluate("element => getComputedStyle(element).color")
            assert colours.setdefault(outcome.inner_text(), colour) == colour
    assert colours["fail"] == colours["Refused"] and colours["pass"] == colours["Permitted"]
    assert len({colours["pass"], colours["fail"], colours["skip"]}) == 3


def test_a_route_is_picked_from_those_of_the_gateway(page, issuer):
    sign_in(page)
    route = page.get_by_label("Route")
    expect(route.locator("option")).to_have_count(4)
    route.select_option("/orders")
    expect(page.get_by_label("Path")).to_have_value("/orders")
    expect(page.get_by_label("Method")).to_have_value("POST")
    page.get_by_label("The token to explain").fill(issuer.daemon())
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Refused with 403 (app_only_forbidden)")


def test_the_keyboard_is_enough(page, issuer):
    sign_in(page)
    page.get_by_label("The token to explain").fill(issuer.jane())
    page.get_by_label("Path").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_contain_text("404")


def test_a_wrong_operators_token_is_told_and_nothing_else_is(page, issuer):
    sign_in(page, "x" * 40)
    explain(page, issuer.jane())
    expect(page.get_by_role("alert")).to_contain_text("The token is not in the admin listener's token file.")
    expect(page.locator("#answer")).to_be_hidden()


def test_what_a_token_says_is_shown_as_text_and_never_runs(page, issuer):
    markup = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
    sign_in(page)
    explain(page, issuer.jane(aud=markup))
    expect(page.locator("#steps li.fail")).to_contain_text("<script>document.title")
    assert page.locator("#steps img, #steps script").count() == 0
    assert "ran" not in page.title() and page.faults == []


def test_the_policy_of_the_page_forbids_all_that_it_does_not_need(page):
    assert "default-src 'none'" in page.policy and "unsafe" not in page.policy
    ran = page.evaluate("""async () => {
        const inline = document.createElement("script");
        try { inline.textContent = "window.ran = true"; document.head.append(inline); } catch { }
        const outside = await fetch("http://127.0.0.1:9/").then(() => true, () => false);
        return [window.ran === true, outside];
    }""")
    assert ran == [False, False]
    assert any("Content Security Policy" in fault for fault in page.faults), page.faults


def test_nothing_comes_from_elsewhere_and_no_token_stands_in_an_address(page, gateway, issuer):
    token = issuer.jane()
    sign_in(page)
    explain(page, token)
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    asked = [request.url for request in page.requests if not request.url.startswith("data:")]
    assert all(url.startswith(f"{gateway.admin_url}/") for url in asked), asked
    assert not any(part in url for url in asked for part in (TOKEN, *token.split(".")))
    assert {re.sub(r"^.*/", "/", url) for url in asked} == {"/", "/explain.js", "/explain.css", "/routes", "/explain"}


def test_no_token_is_kept_anywhere(page, gateway, issuer):
    token = issuer.jane()
    sign_in(page)
    explain(page, token)
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    stored = page.evaluate("""async () => JSON.stringify([
        {...localStorage}, {...sessionStorage}, document.cookie, history.state, location.href,
        (await indexedDB.databases()).length, (await caches?.keys?.()) ?? [],
    ])""")
    assert TOKEN not in stored and token not in stored and '"_"' not in stored
    page.goto("about:blank")
    page.go_back()
    expect(page.get_by_label("The token to explain")).to_have_value("")
    expect(page.get_by_label("Your operator's token")).to_have_value("")

    sign_in(page)
    explain(page, token)
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_label("The token to explain")).to_have_value("")
    expect(page.locator("#answer")).to_be_hidden()
    log = gateway.log.read_text()
    assert token not in log and token.split(".")[2] not in log and TOKEN not in log


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(page, issuer, scheme):
    page.emulate_media(color_scheme=scheme)
    sign_in(page)
    explain(page, issuer.john())
    expect(page.locator("#steps li").first).to_be_visible()
    # WCAG 2.2, 1.4.3: 4.5 to 1.
    low = page.evaluate("""() => {
        const light = (color) => {
            const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((part) => part / 255)
                .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (element) => {
            const color = getComputedStyle(element).backgroundColor;
            return color === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : color;
        };
        return [...document.querySelectorAll("h1, h2, p, label, button, li span, input, textarea, select")]
            .filter((element) => element.checkVisibility() && !element.disabled)
            .map((element) => {
                const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
                return [element.outerHTML.slice(0, 60), (a + 0.05) / (b + 0.05)];
            })
            .filter(([, ratio]) => ratio < 4.5);
    }""")
    assert low == []
