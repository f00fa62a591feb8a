"""The connection to Postgres over TLS, with a certificate that is verified."""

import pytest

from support.authority import Authority
from support.portal import sealing_key
from support.postgres import Postgres


@pytest.fixture
def postgres(authority):
    postgres = Postgres(authority.issue("localhost", "database"))
    yield postgres
    postgres.close()


def store(postgres, ca_file, host="localhost", mode="verify-full") -> dict:
    url = f"postgres://gateway@{host}:{postgres.port}/postgres?sslmode={mode}"
    return {**postgres.settings, "postgres": url, "ca_file": str(ca_file), "timeout": "1s"}


def test_sessions_are_stored_over_tls(start_portal, postgres, authority, tmp_path):
    portal = start_portal(keys=[sealing_key(tmp_path)], store=store(postgres, authority.file))
    assert portal.signed_in().send(portal.at("/pages/a")).status == 200
    own = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'gateway' AND application_name <> 'psql'"
    assert int(postgres.ask(f"SELECT count(*) {own} AND ssl")) >= 1
    assert postgres.ask(f"SELECT count(*) {own} AND NOT ssl") == "0"


@pytest.mark.parametrize("fault", ["another authority", "another name"])
def test_a_database_that_cant_prove_who_it_is_gets_no_session(start_portal, postgres, authority, tmp_path, fault):
    other = Authority(tmp_path, "another").file
    settings = store(postgres, other) if fault == "another authority" else store(postgres, authority.file, host="127.0.0.1")
    portal = start_portal(keys=[sealing_key(tmp_path)], store=settings)
    assert portal.visitor().open(portal.at("/pages/a")).status == 503
    assert portal.logged("certificate"), portal.log.read_text()
    assert postgres.ask("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'mfa_%'") == "0"
    # What needs no session goes on.
    assert portal.visitor().send(portal.at("/status")).status == 200
