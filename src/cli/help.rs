//! What the help of each command ends with: examples, and what its exit code means.

pub(super) const ALL: &str = "\
Examples:
  mfa-gateway demo
  mfa-gateway check --config gateway.yaml --live
  mfa-gateway serve --config gateway.yaml

Every flag has an environment variable; the command line takes precedence. Exit code 2 is a wrong command line.";

pub(super) const SERVE: &str = "\
Examples:
  mfa-gateway serve
  mfa-gateway serve --config gateway.yaml

SIGTERM, SIGINT and SIGQUIT end it after the requests in flight. SIGHUP reloads the configuration and reopens the logs;
SIGUSR1 reopens the logs alone.

Exit codes:
  0  it ended after a signal
  1  it could not start
  2  the command line is wrong";

pub(super) const CHECK: &str = "\
Examples:
  mfa-gateway check --config gateway.yaml
  mfa-gateway check --config gateway.yaml --live

Exit codes:
  0  the configuration is valid, and with --live everything responds
  1  it has a problem, or something doesn't respond
  2  the command line is wrong";

pub(super) const EXPLAIN: &str = "\
Examples:
  mfa-gateway explain --path /v1/customers --token-file token.txt
  mfa-gateway explain --config gateway.yaml --jwks keys.json --json
  mfa-gateway explain --session mB2u4GhHqgFJd3kPqYcxZQ --path /billing --operator-token-file admin-tokens

Exit codes:
  0  the request would be permitted
  1  it would be refused
  2  the input is unusable, or the command line is wrong";

pub(super) const REPLAY: &str = "\
Examples:
  mfa-gateway replay --config new.yaml --log decisions.jsonl
  mfa-gateway replay --config new.yaml --log - --json

Exit codes:
  0  no request is newly refused
  1  a request is newly refused
  2  the input is unusable, or the command line is wrong";

pub(super) const REPORT: &str = "\
Counted are the decisions on users, on routes that require MFA. A request that was refused, that an exception let pass, or that
passed because MFA isn't enforced yet counts as one without MFA. Applications without a user are listed apart.

A running gateway with `report` in its configuration is asked over its admin listener, with an operator's token. With --log, the
report is computed from decision logs instead.

Examples:
  mfa-gateway report --operator-token-file admin-tokens
  mfa-gateway report --from 2026-11-01 --to 2026-11-30 --tenant df845f1a-7b35-40a2-ba78-6481de91f8ae --csv applications
  mfa-gateway report --log decisions.jsonl
  mfa-gateway report --log decisions.jsonl --from 2026-11-01 --to 2026-11-30 --json
  mfa-gateway report --log decisions.jsonl --csv portal
  mfa-gateway report --log decisions.jsonl --csv customers
  mfa-gateway report --log decisions.jsonl --accounts accounts.csv

Exit codes:
  0  the report is about every decision
  1  the logs lack some: lines are lost or malformed, or there are refusals alone; a list of accounts can't be read; or the
     gateway refuses
  2  a log can't be read, the gateway can't be asked, or the command line is wrong";

pub(super) const REPORT_FORGET: &str = "\
Counts of days, applications, tenants and routes name nobody, and stay. What other replicas have yet to flush is deleted some
seconds later. Decision logs are files of yours: they stay as they are.

Examples:
  mfa-gateway report forget 6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10 --issuer entra --tenant df845f1a-7b35-40a2-ba78-6481de91f8ae

Exit codes:
  0  the gateway did it, however many records there were
  1  the gateway refuses
  2  the gateway can't be asked, or the command line is wrong";

pub(super) const HEALTHCHECK: &str = "\
It needs no shell, no other program and no secret, so a container's HEALTHCHECK can run it. Of the configuration, it reads
`admin.address` and whether there is `admin.tls`; it doesn't verify the certificate.

Examples:
  mfa-gateway healthcheck
  mfa-gateway healthcheck --live --timeout 1s
  mfa-gateway healthcheck --address 127.0.0.1:9090

Exit codes:
  0  the gateway is ready; with --live, its process runs
  1  it isn't, or it can't be asked
  2  the command line is wrong";

pub(super) const DEMO: &str = "\
Examples:
  mfa-gateway demo
  mfa-gateway demo --address 127.0.0.1:0

Exit codes:
  0  it ended after a signal
  1  it could not start
  2  the command line is wrong";

pub(super) const SESSIONS: &str = "\
The gateway is asked over its admin listener, with an operator's token. An id is no credential: the page of own sessions
and the logs show it.

Examples:
  mfa-gateway sessions list --operator-token-file admin-tokens
  mfa-gateway sessions list --user 6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10 --json --operator-token-file admin-tokens
  mfa-gateway sessions show mB2u4GhHqgFJd3kPqYcxZQ --operator-token-file admin-tokens
  mfa-gateway sessions end --subject jane --issuer https://idp.example/ --operator-token-file admin-tokens

Exit codes:
  0  the gateway did it
  1  there is no such session, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const SESSIONS_LIST: &str = "\
Examples:
  mfa-gateway sessions list
  mfa-gateway sessions list --tenant df845f1a-7b35-40a2-ba78-6481de91f8ae --limit 1000 --json

Exit codes:
  0  the sessions were listed
  1  the gateway refuses, or can't be asked
  2  the command line is wrong";

pub(super) const SESSIONS_SHOW: &str = "\
Examples:
  mfa-gateway sessions show mB2u4GhHqgFJd3kPqYcxZQ

Exit codes:
  0  the session was shown
  1  there is none of this id, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const SESSIONS_END: &str = "\
Without --issuer and --tenant, --user ends the sessions of the user of this name at every issuer and in every tenant.
When it returns with 0, every replica refuses the sessions within a second. If the store can't be reached, the gateway
ends what it can, owes the store the rest, and the exit code is 1.

Examples:
  mfa-gateway sessions end mB2u4GhHqgFJd3kPqYcxZQ
  mfa-gateway sessions end --user 6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10
  mfa-gateway sessions end --all

Exit codes:
  0  they have ended, however many there were
  1  the gateway refuses, can't be asked, or its store can't be reached
  2  the command line is wrong";

pub(super) const CONSENTS: &str = "\
The gateway is asked over its admin listener, with an operator's token. No token of a consent is ever printed.

Examples:
  mfa-gateway consents list --operator-token-file admin-tokens
  mfa-gateway consents give nightly --operator-token-file admin-tokens
  mfa-gateway consents try nightly --operator-token-file admin-tokens
  mfa-gateway consents withdraw nightly --operator-token-file admin-tokens

Exit codes:
  0  the gateway did it
  1  there is no such consent, it doesn't work, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const CONSENTS_LIST: &str = "\
Examples:
  mfa-gateway consents list
  mfa-gateway consents list --json

Exit codes:
  0  the consents were listed
  1  the gateway refuses, or can't be asked
  2  the command line is wrong";

pub(super) const CONSENTS_GIVE: &str = "\
Prints an address, waits until the person's browser comes back, and says whether the consent counts: the right tenant and
user, with MFA, and with a refresh token. An earlier consent of this name goes on until then.

Examples:
  mfa-gateway consents give nightly
  mfa-gateway consents give nightly --redirect-uri http://localhost:8400/consent
  mfa-gateway consents give nightly --redirect-uri https://panel.example.com/consent --paste

Exit codes:
  0  the consent was given
  1  it was not, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const CONSENTS_TRY: &str = "\
Examples:
  mfa-gateway consents try nightly

Exit codes:
  0  the issuer gave an access token, with or without MFA
  1  it gave none, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const CONSENTS_WITHDRAW: &str = "\
Examples:
  mfa-gateway consents withdraw nightly

Exit codes:
  0  there is no refresh token any more
  1  the gateway refuses, can't be asked, or its store can't be reached
  2  the command line is wrong";

pub(super) const TOKEN: &str = "\
Standard output has the token and nothing else. The program is who its own token, its certificate, or its registration at an
issuer says; `consent_callers` of the gateway must list it with `tokens: true`. With --client-id, the issuer is asked for the
program's own token first, with a secret or with a certificate.

Examples:
  mfa-gateway token nightly --broker-url https://gateway.internal/broker/ --caller-token-file /var/run/secrets/tokens/gateway
  mfa-gateway token nightly --broker-url https://gateway.internal/broker/ --client-certificate-file job.crt --client-key-file job.key
  mfa-gateway token nightly --broker-url https://gateway.internal/broker/ --client-id 7e2d9c4b-1a3f-4e58-9b60-2c8d5f7a1e34 \
    --client-certificate-file job.crt --client-key-file job.key --client-scope api://gateway/.default \
    --token-endpoint https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token

Exit codes:
  0  the token was printed
  1  the gateway or the issuer refuses, or can't be asked
  2  the command line is wrong";

pub(super) const REWRAP: &str = "\
The gateway is asked over its admin listener, with an operator's token: it has the store, and the keys in use. It can be asked
at any time and again, beside other replicas. Only the key of each record is sealed anew; no refresh token is read. A key's
file may go once --check says so, after every replica has the list that begins with the new key.

Examples:
  mfa-gateway rewrap --operator-token-file admin-tokens
  mfa-gateway rewrap --check --operator-token-file admin-tokens

Exit codes:
  0  the first key seals every consent
  1  another key still seals one, no key opens one, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const EXCEPTIONS: &str = "\
The gateway is asked over its admin listener. To ask, approve, reject or withdraw, the token is a person's: an access token of
somebody with a role of `exception_requests` who signed in with MFA. To list, show and revoke, an operator's will do.

Examples:
  mfa-gateway exceptions list --state requested --operator-token-file token
  mfa-gateway exceptions show granted-k3v7q2ab5n4xw6ye --operator-token-file token
  mfa-gateway exceptions approve granted-k3v7q2ab5n4xw6ye --reason Checked --operator-token-file token

Exit codes:
  0  the gateway did it
  1  there is no such exception, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const EXCEPTIONS_LIST: &str = "\
Examples:
  mfa-gateway exceptions list
  mfa-gateway exceptions list --state active --limit 1000 --json

Exit codes:
  0  the exceptions were listed
  1  the gateway refuses, or can't be asked
  2  the command line is wrong";

pub(super) const EXCEPTIONS_SHOW: &str = "\
Examples:
  mfa-gateway exceptions show granted-k3v7q2ab5n4xw6ye

Exit codes:
  0  the exception was shown
  1  there is none of this id, the gateway refuses, or it can't be asked
  2  the command line is wrong";

pub(super) const EXCEPTIONS_REQUEST: &str = "\
Examples:
  mfa-gateway exceptions request --ground software_without_mfa --software 'Mailer 1.0' --purchase-order 4711 \
    --owner Mail --reason 'The new one comes in January' --application a0c73c16-a7e3-4564-9a95-2bdf47383716 \
    --ends 2026-12-20T00:00:00Z

Exit codes:
  0  the request waits for its answer
  1  the gateway refuses, or can't be asked; a file can't be read
  2  the command line is wrong";

pub(super) const EXCEPTIONS_STEP: &str = "\
Examples:
  mfa-gateway exceptions approve granted-k3v7q2ab5n4xw6ye --reason 'Checked with the vendor' --version 1
  mfa-gateway exceptions reject granted-k3v7q2ab5n4xw6ye --reason 'Use a FIDO2 key'
  mfa-gateway exceptions withdraw granted-k3v7q2ab5n4xw6ye --reason 'Solved'
  mfa-gateway exceptions revoke granted-k3v7q2ab5n4xw6ye --reason 'No longer needed'

Exit codes:
  0  the step was made; it counts on every replica within two seconds
  1  the gateway refuses, or can't be asked
  2  the command line is wrong";

pub(super) const VERSION: &str = "\
Examples:
  mfa-gateway version

Exit codes:
  0  always
  2  the command line is wrong";

pub(super) const COMPLETIONS: &str = "\
Examples:
  mfa-gateway completions bash
  mfa-gateway completions zsh

Exit codes:
  0  the script was printed
  2  the command line is wrong";

pub(super) const MAN: &str = "\
Examples:
  mfa-gateway man
  mfa-gateway man serve
  mfa-gateway man --out /usr/local/share/man/man1

Exit codes:
  0  the page was printed, or all were written
  1  a file could not be written
  2  the command line is wrong";

pub(super) const SCHEMA: &str = "\
Examples:
  mfa-gateway schema
  mfa-gateway schema --of decision-log

Exit codes:
  0  the schema was printed
  2  the command line is wrong";
