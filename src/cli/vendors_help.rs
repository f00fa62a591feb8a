//! The help of `vendors` and its parts.

pub(super) const VENDORS: &str = "\
The gateway is asked over its admin listener, with an operator's token. It works on what was asked for by itself, goes on after
a restart, and needs no command to wait.

Examples:
  mfa-gateway vendors list --operator-token-file admin-tokens
  mfa-gateway vendors consent panel contoso --all --operator-token-file admin-tokens
  mfa-gateway vendors remove panel contoso --customer 4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04
  mfa-gateway vendors purged panel contoso --how TICKET-4711

Exit codes:
  0  the gateway did it, or took it
  1  there is no such partner, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const VENDORS_LIST: &str = "\
Examples:
  mfa-gateway vendors list
  mfa-gateway vendors list --json

Exit codes:
  0  the vendors were listed
  1  the gateway refuses, or can't be asked
  2  the command line is wrong";

pub(super) const VENDORS_CONSENT: &str = "\
A customer that has consented to the same grants is left as it is. One that has consented to others loses that consent first,
and then consents anew.

Examples:
  mfa-gateway vendors consent panel contoso --all
  mfa-gateway vendors consent panel contoso --customer 4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04 --anew

Exit codes:
  0  the gateway took it
  1  there is no such partner, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const VENDORS_REMOVE: &str = "\
Examples:
  mfa-gateway vendors remove panel contoso --customer 4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04
  mfa-gateway vendors remove panel contoso --all

Exit codes:
  0  the gateway took it
  1  there is no such partner, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const VENDORS_PURGED: &str = "\
The gateway keeps who stated it, when and how it is proven, and shows beside it what it has seen since: with a report, whether
the vendor's application still called without MFA.

Examples:
  mfa-gateway vendors purged panel contoso --how TICKET-4711

Exit codes:
  0  the gateway noted it
  1  there is no such partner, the gateway refuses, or it can't be asked
  2  the command line is wrong";
