-- The customers of partners, and which of them have consented to a vendor's application. Times are the database's clock in
-- milliseconds. A vendor's requests share one budget, so one replica at a time works for it: the one that has the lease.
CREATE TABLE mfa_vendor (
  id TEXT NOT NULL PRIMARY KEY,
  lease_holder TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  paused_until BIGINT NOT NULL
);

-- What was last asked for all customers of a partner. `number` is one more each time, and `next` is where their list goes on.
CREATE TABLE mfa_vendor_run (
  vendor TEXT NOT NULL,
  partner TEXT NOT NULL,
  number BIGINT NOT NULL,
  wanted TEXT NOT NULL,
  anew BIGINT NOT NULL,
  listing BIGINT NOT NULL,
  next TEXT NOT NULL,
  asked BIGINT NOT NULL,
  asked_by TEXT NOT NULL,
  progress BIGINT NOT NULL,
  trouble TEXT NOT NULL,
  paused_until BIGINT NOT NULL,
  PRIMARY KEY (vendor, partner)
);

-- `state` is `due` until what is `wanted` is so. `grants` is a fingerprint of what was consented to, `wanted_grants` of what
-- is to be.
CREATE TABLE mfa_vendor_customer (
  vendor TEXT NOT NULL,
  partner TEXT NOT NULL,
  customer TEXT NOT NULL,
  name TEXT NOT NULL,
  run BIGINT NOT NULL,
  wanted TEXT NOT NULL,
  wanted_grants TEXT NOT NULL,
  state TEXT NOT NULL,
  grants TEXT NOT NULL,
  existed BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  due BIGINT NOT NULL,
  why TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (vendor, partner, customer)
);
CREATE INDEX mfa_vendor_customer_state ON mfa_vendor_customer (vendor, partner, state, due);

-- Who stated that a partner's stored credentials are gone. Rows are only ever added.
CREATE TABLE mfa_vendor_purge (
  vendor TEXT NOT NULL,
  partner TEXT NOT NULL,
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  by_name TEXT NOT NULL,
  how TEXT NOT NULL,
  PRIMARY KEY (vendor, partner, number)
);
