"""No loop in a browser that loses what it is given (SIGN-IN 3, SESSIONS §2)."""

from support.portal import SESSION


def test_s03_a_browser_whose_session_never_counts_is_told_after_a_few_rounds(portal):
    visitor = portal.visitor()
    for _ in range(20):
        hop = visitor.open(portal.at("/pages/a"), stop_at=portal.at("/pages/a"))
        if hop.status != 303:
            break
        # As on a replica with another key.
        visitor.plant(SESSION, visitor.cookies()[SESSION].value[::-1])
    assert hop.status == 400 and "sign_in_session_lost" in hop.text and 2 < portal.trips(visitor) < 12, hop
    # Other browsers are none the wiser, and the page leads on.
    assert portal.signed_in().send(portal.at("/pages/a")).status == 200
    assert "/.mfa-gateway/sign-in?again=" in hop.text


def test_s01_who_signs_out_and_in_again_is_in_no_loop(portal):
    visitor = portal.visitor()
    for _ in range(12):
        assert visitor.open(portal.at("/pages/a")).status == 200
        visitor.post(portal.own("sign-out"))
