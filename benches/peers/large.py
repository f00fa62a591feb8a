"""Configurations with thousands of something that no request is about."""

from tokens import AUDIENCE

ROUTE = "  - {{ path: /v1/items/{}, upstream: backend, require: mfa }}\n"
ISSUER = "  - {{ name: other-{0}, issuer: https://other-{0}.peers.test/, jwks_file: {1}, audiences: [{2}] }}\n"
EXCEPTION = ("  - {{ id: e{0}, owner: bench, reason: many, expires: 2100-01-01T00:00:00Z, tenant: 00000000-0000-0000-0000-{0:012}, "
             "application: 23ec45a3-5127-4185-9eff-c8887839e6ab, routes: [/v1/] }}\n")
# Of the application that calls, and of other tenants.
STAGE = "  - {{ application: 23ec45a3-5127-4185-9eff-c8887839e6ab, tenant: 00000000-0000-0000-0000-{:012}, mode: report }}\n"

# What there is many of, how many, and the kind of token whose cost that could change.
LARGE = {"routes": (10_000, "mfa"), "issuers": (1000, "issuer"), "exceptions": (10_000, "password"),
         "activation": (10_000, "password")}


def count(large: str, quick: bool) -> int:
    """How many of them."""
    return LARGE[large][0] // (100 if quick else 1) if large else 0


def lines(large: str, quick: bool, key_set) -> dict[str, str]:
    """What the template of the gateway's configuration has in the places of `MORE_…`."""
    many = range(count(large, quick))
    return {
        "MORE_ROUTES": "".join(ROUTE.format(at) for at in many) if large == "routes" else "",
        "MORE_ISSUERS": "".join(ISSUER.format(at, key_set, AUDIENCE) for at in many) if large == "issuers" else "",
        "MORE": f"{large}:\n" + "".join((EXCEPTION if large == "exceptions" else STAGE).format(at) for at in many)
        if large in ("exceptions", "activation") else "",
    }
