"""Jane, Trent and John at the OpenID-certified provider, and the way through its pages without a browser."""

import re
from urllib.parse import urlencode

from support.identity_provider import AGENTS
from support.visitor import Visitor

PEOPLE = {
    "jane": {"name": "Jane", "mfa": "always", "claims": {"groups": [AGENTS], "preferred_username": "jane@contoso.example"}},
    "trent": {"name": "Trent", "mfa": "federated", "claims": {"groups": [], "preferred_username": "trent@wingtip.example"}},
    "john": {"name": "John", "mfa": "on request", "claims": {"groups": [AGENTS], "preferred_username": "john@fabrikam.example"}},
}


def go_through(browser: Visitor, url: str, who: str, back_to: str, **instead) -> tuple[str, list[str]]:
    """Presses what the person presses, up to the redirect back; `instead` is pressed on pages that ask for MFA.

    Returns where the provider sends the browser to, and the titles of the pages.
    """
    titles = []
    hop = browser.open(url, stop_at=back_to)
    while not (hop.location or "").startswith(back_to):
        assert hop.status == 200, (hop, hop.text)
        title = re.search("<h1>(.*?)</h1>", hop.text)[1]
        titles.append(title)
        pressed = {"Sign in": {"person": who}, "More information required": {"registered": "yes"}}.get(title, {"mfa": "yes"})
        if "mfa" in pressed and instead:
            pressed = instead
        hop = browser.post(hop.url, urlencode(pressed).encode())
        while hop.location and not hop.location.startswith(back_to):
            hop = browser.send(hop.location)
    return hop.location, titles
