-- A consent holds a refresh token. `data_key` seals `secret`, and is sealed itself by a key that no table holds. Both are
-- empty once there is no token. `changed` and `lease_until` are the database's clock in milliseconds, other times seconds.
CREATE TABLE mfa_consent (
  id TEXT NOT NULL PRIMARY KEY,
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  application TEXT NOT NULL,
  user_id TEXT NOT NULL,
  display TEXT NOT NULL,
  given BIGINT NOT NULL,
  given_by TEXT NOT NULL,
  renewed BIGINT NOT NULL,
  used BIGINT NOT NULL,
  mfa BIGINT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  state_at BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  lease_holder TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  data_key {blob} NOT NULL,
  secret {blob} NOT NULL
);
CREATE INDEX mfa_consent_changed ON mfa_consent (changed, id);
