-- Whose tokens have ended by a security event. `subject` stands for who that is. Tokens that were issued until `issued`, and
-- those whose user signed in until `signed_in`, have ended; both are milliseconds since 1970, or the least number for none.
-- `until` is the second in which it is forgotten. `changed` is the database's clock in milliseconds.
CREATE TABLE mfa_revocation (
  subject TEXT NOT NULL PRIMARY KEY,
  issued BIGINT NOT NULL,
  signed_in BIGINT NOT NULL,
  until BIGINT NOT NULL,
  changed BIGINT NOT NULL
) {keyed};
CREATE INDEX mfa_revocation_changed ON mfa_revocation (changed, subject);
CREATE INDEX mfa_revocation_until ON mfa_revocation (until);
