"""Whether a proxy enforces what it is said to enforce, asked before anything is measured."""

import http.client
import time

from peers import Running
from processes import Failure
from tokens import Mint

# Without these right there is nothing to compare.
REQUIRED = {"mfa": (200,), "password": (401, 403), "forged": (401,), "expired": (401,), "none": (401,)}
# What a complete check would answer besides; who differs is printed.
COMPLETE = {
    "issuer": (401, 403), "audience": (401, 403), "without-exp": (401, 403), "mfa-last-of-six": (200,),
    "amr-as-text": (401, 403), "amr-look-alike": (401, 403), "app-only": (200,),
}
MEANING = {
    "issuer": "another issuer's token", "audience": "a token for another API", "without-exp": "a token without `exp`",
    "mfa-last-of-six": "`mfa` as the sixth of `amr`", "amr-as-text": '`"amr": "mfa"`, no list',
    "amr-look-alike": '`amr` with "nomfa"', "app-only": "an application without a user",
}


def status(port: int, token: str | None, path: str = "/v1/check") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def wait_until_it_answers(running: Running, token: str, within: float = 15) -> None:
    """Until a good token gets 200: keys may still be on their way."""
    end, last = time.monotonic() + within, None
    while time.monotonic() < end:
        try:
            last = status(running.ports["PORT"], token)
        except OSError as error:
            last = error
        if last == 200:
            return
        time.sleep(0.01)
    raise Failure(f"{running.peer.name} answers a good token with {last}:\n{running.process.log_tail()}")


def check(running: Running, mint: Mint) -> list[str]:
    """Fails unless it enforces; says how it differs from a complete check."""
    def answer(kind: str) -> int:
        return status(running.ports["PORT"], None if kind == "none" else mint.one(kind))

    for kind, right in REQUIRED.items():
        got = answer(kind)
        if got not in right:
            raise Failure(f"{running.peer.name} doesn't enforce: it answers {got} to a token of the kind `{kind}`")
    differs = []
    for kind, right in COMPLETE.items():
        got = answer(kind)
        if got not in right:
            differs.append(f"{MEANING[kind]} gets {got}")
    return differs
