-- The last flush of each replica. `at` is the database's clock in milliseconds.
CREATE TABLE mfa_flush (
  replica TEXT NOT NULL PRIMARY KEY,
  sequence BIGINT NOT NULL,
  at BIGINT NOT NULL
) {keyed};

-- `day` is days since 1970. The day comes first: a report reads a span of days.
CREATE TABLE mfa_tally (
  day BIGINT NOT NULL,
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  application TEXT NOT NULL,
  route TEXT NOT NULL,
  class TEXT NOT NULL,
  credential TEXT NOT NULL,
  outcome TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (day, issuer, tenant, application, route, class, credential, outcome)
) {keyed};

-- `at` is seconds.
CREATE TABLE mfa_without (
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  application TEXT NOT NULL,
  route TEXT NOT NULL,
  at BIGINT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (issuer, tenant, user_id)
) {keyed};
CREATE INDEX mfa_without_at ON mfa_without (at);

-- `at` is milliseconds. Not keyed: its rows are long, and its indexes many.
CREATE TABLE mfa_recent (
  replica TEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  request_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  address TEXT NOT NULL,
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  application TEXT NOT NULL,
  credential TEXT NOT NULL,
  outcome TEXT NOT NULL,
  compliant BIGINT NOT NULL,
  PRIMARY KEY (replica, number)
);
CREATE INDEX mfa_recent_at ON mfa_recent (at, replica, number);
CREATE INDEX mfa_recent_tenant ON mfa_recent (tenant, at, replica, number);
