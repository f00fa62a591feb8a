"""What is measured: the load, the tokens it carries, and the settings of the proxies."""

from dataclasses import dataclass, field

import people
import unattended
from asking import check
from load import Outcome, h2load, wrk
from peers import BEARER, Running, Settings
from processes import Failure
from report import BASELINE
from tokens import Mint

ROTATED = 1000
# What a round of `miss` may use up. More than any proxy here gets through in its second.
NEW_TOKENS = 40_000


@dataclass
class Workload:
    name: str
    about: str
    # The kind of token, in the words of `tokens.KINDS`.
    tokens: str = "mfa"
    count: int = ROTATED
    connections: int = 32
    path: str = "/v1/customers"
    scheme: str = "http"
    port: str = "PORT"
    streams: int = 0
    options: dict = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    # Refusals: those that enforce must refuse every request; the others aren't asked.
    refuses: bool = False
    # Every round begins with a new process, which has seen no token.
    fresh: bool = False
    # The least a round takes, in seconds.
    seconds: int = 1
    quick: bool = True
    # The proxy that the others are compared with.
    baseline: str = BASELINE

    def run(self, running: Running, mint: Mint, seconds: int) -> Outcome:
        """One round. Any answer that isn't the expected one fails it."""
        port = running.ports[self.port]
        by_session = self.settings.sessions and running.peer != BEARER
        by_consent = self.settings.consents and running.peer != BEARER
        path = people.PAGE if by_session else unattended.PATH if by_consent else self.path
        url = f"{self.scheme}://127.0.0.1:{port}{path}"
        if self.settings.checks:
            outcome = check(port, mint.one(self.tokens), self.connections, self.streams, seconds, running.folder)
        elif self.streams:
            # One token: h2load sends the same fields with every request.
            token = [f"--header=authorization: Bearer {mint.one(self.tokens)}"]
            outcome = h2load(url, self.connections, self.streams, seconds, running.folder / "h2load.tsv", token)
        elif by_session:
            cookies = running.folder / "cookies.txt"
            if not cookies.exists():
                people.cookies(port, self.count, cookies)
            outcome = wrk(url, cookies, self.connections, seconds, {"cookie": people.COOKIE, **self.options})
        else:
            tokens = mint.file("app-only" if by_consent else self.tokens, self.count)
            outcome = wrk(url, tokens, self.connections, seconds, {"first": self.count, **self.options})
        wrong = outcome.requests - outcome.refused if self.refuses else outcome.refused
        # A load that was stopped leaves a few requests behind without an answer.
        if wrong or outcome.broken > self.connections or not outcome.requests:
            raise Failure(f"{self.name}, {running.peer.name}: {wrong} of {outcome.requests} answers are wrong, "
                          f"{outcome.broken} are missing\n{running.process.log_tail()}")
        return outcome


WORKLOADS = [
    Workload("hit", "32 connections, 1000 tokens in rotation, 15 ordinary fields and a target of 200 bytes",
             options={"ordinary": "yes"}),
    Workload("hit-128", "the same with 128 connections", connections=128, options={"ordinary": "yes"}),
    Workload("small", "32 connections, 1000 tokens in rotation, no field but Host and Authorization"),
    Workload("small-128", "the same with 128 connections", connections=128),
    Workload("log", "32 connections, every request logged as JSON", settings=Settings(log=True)),
    Workload("session", "32 connections, the cookies of 1000 people in rotation", settings=Settings(sessions=True),
             baseline=BEARER.name),
    Workload("consent", "32 connections, 1000 tokens of a program that uses a consent", settings=Settings(consents=True),
             baseline=BEARER.name),
    Workload("check", "Envoy's question over gRPC: 4 connections of 8 at once, one token", connections=4, streams=8,
             port="PORT_AUTHORIZER", settings=Settings(checks=True), quick=False),
    Workload("check-1000", "Envoy's question over gRPC: 10 connections of 100 at once, one token", connections=10,
             streams=100, port="PORT_AUTHORIZER", settings=Settings(checks=True), quick=False),
    Workload("hit-1000", "1000 connections, 1000 tokens in rotation", connections=1000, quick=False),
    Workload("miss", "every token new", count=NEW_TOKENS, options={"tokens": "once"}, fresh=True),
    Workload("refuse-mfa", "refused: signed in without MFA", tokens="password", refuses=True),
    Workload("refuse-forged", "refused: forged", tokens="forged", refuses=True),
    Workload("refuse-expired", "refused: expired", tokens="expired", refuses=True),
    Workload("post", "POST of 10 KB", path="/v1/post", options={"body": 10 << 10}, quick=False),
    Workload("64k", "answers of 64 KB", path="/v1/64k", quick=False),
    Workload("10m", "answers of 10 MB", path="/v1/10m", connections=4, quick=False),
    Workload("http2", "HTTP/2: 10 connections of 32 streams, one token", connections=10, streams=32, port="PORT_H2",
             quick=False),
    Workload("tls", "TLS 1.3, 32 connections kept alive", scheme="https", port="PORT_TLS", quick=False),
    Workload("latency", "500 requests per second over 8 connections", connections=8,
             options={"rate": 500, "connections": 8}, seconds=2, quick=False),
    Workload("threads", "two threads on two cores, which client and backend share", connections=128,
             settings=Settings(threads=2), quick=False),
]
