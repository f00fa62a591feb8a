//! The program that runs at night, and the customers that it and its people work for.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use super::files::{Files, random_hex};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_demo::people::{CONTOSO, DEFAULT_AUDIENCE, DEMO_ONLY_NIGHTLY_SECRET, NIGHTLY_CLIENT_ID, nightly};
use mfa_gateway_demo::tenants::{ADATUM, ALPINE_SKI_HOUSE};

const DAY: Duration = Duration::from_hours(24);

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
delegations:
{}{}",
            state.display().to_string().replace('\'', "''"),
            nightly().object_id,
            delegation(ADATUM),
            delegation(ALPINE_SKI_HOUSE)
        )
    }
}

/// The program's story, to paste: refused with a password, and working after a person's consent.
///
/// # Errors
///
/// Never: a string takes everything.
pub(super) fn tell(text: &mut String, program: &str, issuer: &str, access: &str) -> std::fmt::Result {
    let upn = nightly().upn;
    write!(
        text,
        "
# A nightly program with a password: 400. Its account has to do MFA, and nobody is there (AADSTS50076).
curl -i -d grant_type=password -d client_id={NIGHTLY_CLIENT_ID} -d client_secret={DEMO_ONLY_NIGHTLY_SECRET} \\
  -d username={upn} -d password=x {issuer}contoso.example/token

# Give the program's consent once, in a browser, as Nightly Service with MFA:
{program} consents give nightly {access}
# From then on its tokens have MFA, and nobody has to be there:
{program} consents try nightly {access}
"
    )
}
