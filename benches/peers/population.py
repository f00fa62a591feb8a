"""What sessions cost in memory: a store with many of them, and a gateway that starts on it.

One person signs in. The others are made of that session, since so many sign-ins would take an hour: rows in the store
with other ids and other users, and cookies for them, sealed with the gateway's key as the gateway seals them.
"""

import json
import os
import secrets
import sqlite3
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import people
from checks import wait_until_it_answers
from growth import pipeline, used_by
from peers import Gateway, Settings, Surroundings
from setting import started
from tokens import Mint, b64, unb64

ID, NONCE = 4, 12


class Seal:
    """Seals for one purpose, as crates/store/src/seal.rs does."""

    def __init__(self, key: bytes, purpose: str, epoch: bytes):
        info = b"mfa-gateway sealing 1: " + purpose.encode()
        derived = HKDF(hashes.SHA256(), 32 + ID, salt=epoch, info=info).derive(key)
        self._cipher, self._id = AESGCMSIV(derived[:32]), derived[32:]

    def seal(self, context: bytes, plain: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return self._id + nonce + self._cipher.encrypt(nonce, plain, context)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[ID:ID + NONCE], sealed[ID + NONCE:], context)


class Population:
    """The sessions in the store of a gateway that isn't running."""

    def __init__(self, folder: Path, port: int, cookie: str):
        self._file, self.ids = folder / "state" / "store.sqlite3", []
        key = bytes.fromhex((folder / "session.key").read_text())
        with self._open() as database:
            epoch, = database.execute("SELECT value FROM mfa_meta WHERE name = 'epoch'").fetchone()
            database.row_factory = sqlite3.Row
            self._row = dict(database.execute("SELECT * FROM mfa_session").fetchone())
            database.execute("DELETE FROM mfa_session")
        self._cookies, self._records = Seal(key, "session", epoch), Seal(key, "record", epoch)
        self._record = json.loads(self._cookies.open(context(port), unb64(cookie)))

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file)
        database.execute("PRAGMA foreign_keys = ON")
        return database

    def grow(self, count: int) -> None:
        """Adds sessions until there are so many."""
        new = [b64(secrets.token_bytes(16)) for _ in range(count - len(self.ids))]
        columns = [*self._row]
        insert = f"INSERT INTO mfa_session ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        with self._open() as database:
            database.executemany(insert, (
                [*{**self._row, "id": one, "subject": f"sub {one}", "user_id": f"oid {one}"}.values()] for one in new
            ))
            insert = "INSERT INTO mfa_seen (id, at, written) VALUES (?, ?, ?)"
            database.executemany(insert, ((one, self._row["created"], self._row["changed"]) for one in new))
        self.ids += new

    def renew(self) -> None:
        """Has each session's tokens refreshed: the store then holds a newer record than the browser's cookie."""
        with self._open() as database:
            database.executemany(
                "UPDATE mfa_session SET generation = 1, evidence = ? WHERE id = ?",
                ((self._records.seal(one.encode(), self.record(one, g=1)), one) for one in self.ids),
            )

    def record(self, one: str, **changes) -> bytes:
        return json.dumps({**self._record, "i": one, **changes}, separators=(",", ":")).encode()

    def cookies(self, port: int):
        """The cookie of each, for a gateway at this port."""
        return (b64(self._cookies.seal(context(port), self.record(one))) for one in self.ids)


def context(port: int) -> bytes:
    return "\0".join([people.SIGN_IN, f"http://127.0.0.1:{port}/", people.COOKIE]).encode()


def request(cookie: str) -> bytes:
    return f"GET {people.PAGE} HTTP/1.1\r\nHost: peers.test\r\nCookie: {people.COOKIE}={cookie}\r\n\r\n".encode()


def sessions(gateway: Gateway, around: Surroundings, mint: Mint, steps: list[int]) -> list[dict]:
    """Memory of a gateway that started on so many sessions, after each was used, and where each was refreshed.

    The CPU times compare with those of `tokens`.
    """
    settings = Settings(sessions=True)
    first = started(gateway, around, settings, mint)
    try:
        cookie, port = people.sign_in(first.ports["PORT"]), first.ports["PORT"]
    finally:
        first.stop()
    population, points = Population(first.folder, port, cookie), []
    for step in [0, *steps]:
        population.grow(step)
        with again(gateway, around, settings, first.folder, mint) as running:
            point = {"at": step, "memory": running.process.memory()}
            if step:
                everybody = [*population.cookies(running.ports["PORT"])]
                point["cpu_new"] = used_by(running, lambda: pipeline(running, everybody, request))
                point["used"] = running.process.memory()
                # The first of them: those are in the cache of opened cookies.
                point["cpu_again"] = used_by(running, lambda: pipeline(running, everybody[:4000], request))
        points.append(point)
    population.renew()
    with again(gateway, around, settings, first.folder, mint) as running:
        points[-1]["renewed"] = running.process.memory()
        pipeline(running, population.cookies(running.ports["PORT"]), request)
        points[-1]["renewed_used"] = running.process.memory()
    return points


@contextmanager
def again(gateway: Gateway, around: Surroundings, settings: Settings, folder: Path, mint: Mint):
    """A gateway that starts on what is in the folder."""
    running = gateway.start_again(around, settings, folder)
    try:
        wait_until_it_answers(running, mint.one("mfa"))
        yield running
    finally:
        running.stop()
