CREATE TABLE mfa_meta (
  name TEXT NOT NULL PRIMARY KEY,
  value {blob} NOT NULL
);

-- A session stays until it expires, ended or not: an end that is forgotten early would let a copied cookie in again.
-- `ended` is 0 while it lives. `changed` is the database's clock in milliseconds; all other times are seconds.
CREATE TABLE mfa_session (
  id TEXT NOT NULL PRIMARY KEY,
  sign_in TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  tenant TEXT NOT NULL,
  user_id TEXT NOT NULL,
  display TEXT NOT NULL,
  sid TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  why TEXT NOT NULL,
  generation BIGINT NOT NULL,
  mfa BIGINT NOT NULL,
  lease_holder TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  evidence {blob} NOT NULL,
  secret {blob} NOT NULL
);
CREATE INDEX mfa_session_sid ON mfa_session (sid) WHERE sid <> '';
CREATE INDEX mfa_session_subject ON mfa_session (subject);
CREATE INDEX mfa_session_user ON mfa_session (user_id) WHERE user_id <> '';
CREATE INDEX mfa_session_created ON mfa_session (created, id);
CREATE INDEX mfa_session_changed ON mfa_session (changed, id);
CREATE INDEX mfa_session_expires ON mfa_session (expires);

-- In a table of its own: it changes often, and each change of an indexed row writes every index of its table.
CREATE TABLE mfa_seen (
  id TEXT NOT NULL PRIMARY KEY REFERENCES mfa_session (id) ON DELETE CASCADE,
  at BIGINT NOT NULL,
  written BIGINT NOT NULL
) {keyed};
CREATE INDEX mfa_seen_written ON mfa_seen (written, id);

CREATE TABLE mfa_used (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (kind, key)
) {keyed};
CREATE INDEX mfa_used_until ON mfa_used (until);
