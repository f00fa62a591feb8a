"""Each requirement of browser sign-in (s01 to s23), and each property of sessions (p01 to p50), has a test by its number.

Those of one crate stand beside its code: Rust tests whose names begin alike.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]

# What no test from outside can show, and why.
ELSEWHERE = {
    "p43": "a templated issuer is Microsoft's own host: tests/entra.rs holds that `tid` and `iss` agree and tenants are listed",
    "p44": "which tenant a guest signs in at is the operator's authority: docs/sign-in.md",
    "p47": "which claims an application opts in to shows only in Entra's portal: docs/sign-in.md lists them",
}


def numbers_in(text: str) -> set[str]:
    found = set()
    for name in re.findall(r"(?:def test|fn)_?\s?((?:[sp]\d\d_)+)", text):
        found |= set(name.strip("_").split("_"))
    return found


def test_every_number_has_a_test():
    python = (file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    rust = (file.read_text() for folder in ("src", "crates", "tests") for file in (ROOT / folder).rglob("*.rs") if "target" not in file.parts)
    found = set().union(*(numbers_in(text) for text in (*python, *rust)))
    wanted = {f"s{number:02}" for number in range(1, 24)} | {f"p{number:02}" for number in range(1, 51)}
    assert sorted(wanted - found - set(ELSEWHERE)) == []
