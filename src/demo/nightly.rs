//! The program that runs at night, and the customers that it and its people work for.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use super::files::{Files, random_hex};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_demo::people::{
    CONTOSO, DEFAULT_AUDIENCE, DEMO_ONLY_NIGHTLY_SECRET, NIGHTLY_CLIENT_ID, VENDOR_CLIENT_ID, nightly,
};
use mfa_gateway_demo::tenants::{ADATUM, ALPINE_SKI_HOUSE, TREY_RESEARCH};

const DAY: Duration = Duration::from_hours(24);

/// The paths that programs call as themselves, with the token of a consent for the API, and those of the broker.
pub(super) const UNATTENDED: &str = "  - prefix: '/unattended/v1/customers/{customer}/'
    strip_prefix: /unattended
    upstream: partner-api
    credential: { consent: nightly, tenant: { parameter: customer } }
  - { prefix: /broker/, serve: token_broker }
";

/// Where the gateway keeps the program's consent, and what it needs for that.
#[derive(Debug)]
pub(super) struct Nightly {
    state: PathBuf,
    key_file: String,
    secret_file: String,
}

impl Nightly {
    /// Writes the files.
    ///
    /// # Errors
    ///
    /// If one can't be written, or the system gives no random numbers.
    pub(super) fn create(files: &Files) -> anyhow::Result<Self> {
        let state = files.folder().join("state");
        std::fs::create_dir(&state).context("the folder of the state can't be made")?;
        let key = [random_hex()?, random_hex()?].concat();
        let key_file = files.write("consent.key", &key).context("the key of consents can't be written")?;
        let secret_file = files.write("nightly-secret", DEMO_ONLY_NIGHTLY_SECRET);
        Ok(Self { state, key_file, secret_file: secret_file.context("the program's secret can't be written")? })
    }

    /// The part of the configuration that speaks of it.
    pub(super) fn configuration(&self, issuer: &str, now: Timestamp) -> String {
        let Self { state, key_file, secret_file } = self;
        let (from, until) = (now.minus(DAY).to_rfc3339(), now.plus(365 * DAY).to_rfc3339());
        let delegation = |customer| {
            format!(
                "  - {{ partner: {CONTOSO}, customer: {customer}, roles: [Admin agent], from: \"{from}\", until: \"{until}\" }}\n"
            )
        };
        format!(
            "\
state: {{ directory: '{}' }}
consent_keys: [{key_file}]
consents:
  - name: nightly
    issuer: demo
    tenant: {CONTOSO}
    user: {}
    client_id: {NIGHTLY_CLIENT_ID}
    client_secret_file: {secret_file}
    scope: {DEFAULT_AUDIENCE}/.default
    tenant_token_endpoint: '{issuer}{{tenant}}/token'
consent_callers:
  - name: nightly-job
    issuer: demo
    tenant: {CONTOSO}
    application: {NIGHTLY_CLIENT_ID}
    consents: [nightly]
    tenants: [{ADATUM}, {TREY_RESEARCH}]
  - name: vendor
    issuer: demo
    tenant: {CONTOSO}
    application: {VENDOR_CLIENT_ID}
    consents: [nightly]
    tokens: true
delegations:
{}{}",
            state.display().to_string().replace('\'', "''"),
            nightly().object_id,
            delegation(ADATUM),
            delegation(ALPINE_SKI_HOUSE)
        )
    }
}

/// What the program's story speaks of.
pub(super) struct Story<'a> {
    pub(super) program: &'a str,
    pub(super) issuer: &'a str,
    pub(super) gateway: &'a str,
    pub(super) api: &'a str,
    /// The arguments with which the gateway is asked as an operator.
    pub(super) access: &'a str,
    /// The argument that gives `curl` the program's own token.
    pub(super) own: &'a str,
    /// The same of the vendor's program.
    pub(super) vendor: &'a str,
}

impl Story<'_> {
    /// The story, to paste: refused with a password and as itself, and working after a person's consent.
    ///
    /// # Errors
    ///
    /// Never: a string takes everything.
    pub(super) fn tell(&self, text: &mut String) -> std::fmt::Result {
        let Self { program, issuer, gateway, api, access, own, vendor } = self;
        let upn = nightly().upn;
        write!(
            text,
            "
# A nightly program with a password: 400. Its account has to do MFA, and nobody is there (AADSTS50076).
curl -i -d grant_type=password -d client_id={NIGHTLY_CLIENT_ID} -d client_secret={DEMO_ONLY_NIGHTLY_SECRET} \\
  -d username={upn} -d password=x {issuer}contoso.example/token

# The program as itself, for a customer's users: 403. Its token is of no user, and of another tenant.
curl -i {own}{gateway}/v1/customers/{TREY_RESEARCH}/users

# The same by its consent, /unattended/: 409. Nobody has given the consent yet.
curl -i {own}{gateway}/unattended/v1/customers/{TREY_RESEARCH}/users

# Give the consent once, in a browser, as Nightly Service with MFA. Then the line above works, with nobody there:
{program} consents give nightly {access}
{program} consents try nightly {access}

# What the API received: 200. It is the user's token with MFA, and the program never sees it.
curl -s {api}/recorded

# A vendor's program whose entry says `tokens: true` gets an access token, never the refresh token; before the consent: 409.
curl -i {vendor}-d consent=nightly {gateway}/broker/v1/token
"
        )
    }
}
