-- Requests about customers, and the partners that they came from; both are tenants. `day` is days since 1970. Each request
-- stands in several rows, as in `mfa_tally`: in one of its day (`span` 1), and in those of the 8 and 64 days that it belongs
-- to.
CREATE TABLE mfa_customer (
  span BIGINT NOT NULL,
  day BIGINT NOT NULL,
  issuer TEXT NOT NULL,
  customer TEXT NOT NULL,
  partner TEXT NOT NULL,
  with_mfa BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  exempt BIGINT NOT NULL,
  report_only BIGINT NOT NULL,
  off BIGINT NOT NULL,
  app_only BIGINT NOT NULL,
  by_context BIGINT NOT NULL,
  PRIMARY KEY (span, day, issuer, customer, partner)
) {keyed};
