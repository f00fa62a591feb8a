"""Each requirement of browser sign-in (s01 to s23), and each property of sessions (p01 to p50), has a test by its number.

Those of one crate stand beside its code: Rust tests whose names begin alike. There, `s` and a number is another list, that of
docs/security.md, so that only the properties count.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]

# What no test from outside can show, and why.
ELSEWHERE = {
    "p43": "a templated issuer is Microsoft's own host: tests/entra.rs holds that `tid` and `iss` agree and tenants are listed",
    "p44": "which tenant a guest signs in at is the operator's authority: docs/sign-in.md",
}

# What of a number no test holds. Who changes something there writes the test.
PARTLY = {
    "p16": "that a step-up in vain is tried again by itself after five minutes, and not before: no test waits so long",
    "p19": "a form in flight has no time of grace; the test holds that its page stays open, so that it isn't lost",
}


def numbers_in(text: str, kinds: str) -> set[str]:
    found = set()
    for name in re.findall(rf"(?:def test_|fn )((?:[{kinds}]\d\d_)+)", text):
        found |= set(name.strip("_").split("_"))
    return found


def test_every_number_has_a_test():
    python = (file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    rust = (file.read_text() for folder in ("src", "crates", "tests") for file in (ROOT / folder).rglob("*.rs") if "target" not in file.parts)
    found = set().union(*(numbers_in(text, "sp") for text in python), *(numbers_in(text, "p") for text in rust))
    wanted = {f"s{number:02}" for number in range(1, 24)} | {f"p{number:02}" for number in range(1, 51)}
    assert sorted(wanted - found - set(ELSEWHERE)) == []
    assert not found & set(ELSEWHERE) and set(PARTLY) <= found, "a number that has a test now"
