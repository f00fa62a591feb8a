-- Technical exceptions that people ask for. All times are the milliseconds since 1970; `requested`, `approved` and
-- `changed` are the database's clock. `version` is one more with each step. A text that isn't there is empty.
CREATE TABLE mfa_exception (
  id TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  ground TEXT NOT NULL,
  owner TEXT NOT NULL,
  reason TEXT NOT NULL,
  ticket TEXT NOT NULL,
  software TEXT NOT NULL,
  purchase_order TEXT NOT NULL,
  application TEXT NOT NULL,
  user_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  issuer TEXT NOT NULL,
  routes TEXT NOT NULL,
  starts BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  by_issuer TEXT NOT NULL,
  by_tenant TEXT NOT NULL,
  by_user TEXT NOT NULL,
  by_name TEXT NOT NULL,
  requested BIGINT NOT NULL,
  approved BIGINT NOT NULL,
  changed BIGINT NOT NULL
);
CREATE INDEX mfa_exception_requested ON mfa_exception (requested, id);
CREATE INDEX mfa_exception_state ON mfa_exception (state, ends);

-- What happened to an exception. Rows are only ever added.
CREATE TABLE mfa_exception_step (
  exception TEXT NOT NULL REFERENCES mfa_exception (id),
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  shown TEXT NOT NULL,
  what TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (exception, number)
);

-- Not keyed: its rows are long.
CREATE TABLE mfa_exception_evidence (
  exception TEXT NOT NULL REFERENCES mfa_exception (id),
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL,
  bytes {blob} NOT NULL,
  PRIMARY KEY (exception, number)
);

-- One more with each step of any exception, in the same transaction: a reader learns whether there is something new.
CREATE TABLE mfa_exception_mark (
  one BIGINT NOT NULL PRIMARY KEY,
  mark BIGINT NOT NULL
);
INSERT INTO mfa_exception_mark (one, mark) VALUES (1, 0);

-- How often an exception let requests pass.
CREATE INDEX mfa_tally_exception ON mfa_tally (exception, day) WHERE span = 1 AND exception <> '';
