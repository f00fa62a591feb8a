-- Nothing was ever written into these.
DROP TABLE mfa_tally;
DROP TABLE mfa_without;
DROP TABLE mfa_recent;

-- `day` is days since 1970. Each request stands in several rows: in one of its day (`span` 1), and in those of the 8 and 64
-- days that it belongs to, so that a report on a year reads few. `span` 0 is its day, whatever the application, the route
-- and the exception.
CREATE TABLE mfa_tally (
  span BIGINT NOT NULL,
  day BIGINT NOT NULL,
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  application TEXT NOT NULL,
  route TEXT NOT NULL,
  credential TEXT NOT NULL,
  outcome TEXT NOT NULL,
  exception TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (span, day, issuer, tenant, application, route, credential, outcome, exception)
) {keyed};
CREATE INDEX mfa_tally_application ON mfa_tally (application, day) WHERE span = 1;
CREATE INDEX mfa_tally_route ON mfa_tally (route, day) WHERE span = 1;

-- A user's requests on a day. `last` is that of the last one without MFA, in milliseconds since 1970, and 0 if there was
-- none; `application` and `route` are its.
CREATE TABLE mfa_user (
  day BIGINT NOT NULL,
  issuer TEXT NOT NULL,
  tenant TEXT NOT NULL,
  user_id TEXT NOT NULL,
  credential TEXT NOT NULL,
  name TEXT NOT NULL,
  with_mfa BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  exempt BIGINT NOT NULL,
  report_only BIGINT NOT NULL,
  off BIGINT NOT NULL,
  last BIGINT NOT NULL,
  application TEXT NOT NULL,
  route TEXT NOT NULL,
  PRIMARY KEY (day, issuer, tenant, user_id, credential)
) {keyed};
-- Users come together in it, so that nothing has to be sorted to add up their days.
CREATE INDEX mfa_user_without ON mfa_user (issuer, tenant, user_id, credential, day, last, refused, exempt, report_only, off)
  WHERE last > 0;
CREATE INDEX mfa_user_id ON mfa_user (user_id, tenant, issuer);

-- `at` is milliseconds. Not keyed: its rows are long, and its indexes many.
CREATE TABLE mfa_recent (
  replica TEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  request_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  method TEXT NOT NULL,
  route TEXT NOT NULL,
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
