//! What the demo says: its configuration, and the calls to try.

use std::fmt::Write;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::app::App;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_demo::api::SampleApi;
use mfa_gateway_demo::people::{DEFAULT_AUDIENCE, jane, john, trent};
use mfa_gateway_demo::provider::{IdentityProvider, TokenOptions};

/// The gateway's configuration file, as it would be written for this issuer and API.
pub(super) fn configuration(
    gateway: SocketAddr,
    admin: SocketAddr,
    provider: &IdentityProvider,
    api: &SampleApi,
) -> String {
    format!(
        "\
listeners: [{{ address: '{gateway}' }}]
admin: {{ address: '{admin}' }}
issuers:
  - name: demo
    issuer: {issuer}
    audiences: [{DEFAULT_AUDIENCE}]
upstreams: [{{ name: partner-api, endpoints: ['http://{api}'] }}]
routes:
  - {{ path: /healthz, upstream: partner-api, require: public }}
  - {{ prefix: /v1/, upstream: partner-api, require: mfa, app_only: allow }}
",
        issuer = provider.issuer(),
        api = api.address(),
    )
}

/// One call to try.
struct Call {
    title: &'static str,
    status: u16,
    why: &'static str,
    token: Option<String>,
}

/// The calls to try, as `curl` lines with fresh tokens.
pub(super) fn script(
    configuration: &str,
    provider: &IdentityProvider,
    api: &SampleApi,
    app: &App,
    now: Timestamp,
) -> Result<String, std::fmt::Error> {
    let gateway = app.addresses().first().copied().unwrap_or_else(|| api.address());
    let mut text = String::new();
    writeln!(text, "The demo is running. Ctrl-C ends it.\n")?;
    writeln!(text, "  gateway            http://{gateway}")?;
    if let Some(admin) = app.admin_address() {
        writeln!(text, "  admin listener     http://{admin}/readyz  /livez  /metrics")?;
    }
    writeln!(text, "  identity provider  {}", provider.issuer())?;
    writeln!(text, "  partner API        http://{}  (behind the gateway)\n", api.address())?;
    writeln!(text, "The gateway's configuration:\n")?;
    for line in configuration.lines() {
        writeln!(text, "  {line}")?;
    }
    writeln!(text, "\nCalls to try; paste a line into another terminal:")?;
    for call in calls(provider, now) {
        writeln!(text, "\n# {}: {}. {}", call.title, call.status, call.why)?;
        let token = call.token.map(|token| format!(" -H 'Authorization: Bearer {token}'")).unwrap_or_default();
        writeln!(text, "curl -i{token} http://{gateway}/v1/customers")?;
    }
    writeln!(
        text,
        "\n# Rotate the identity provider's signing key: 200. Tokens of the new key work within seconds; tokens of the \
         old key still work.\ncurl -i -X POST {}rotate",
        provider.issuer()
    )?;
    Ok(text)
}

fn calls(provider: &IdentityProvider, now: Timestamp) -> Vec<Call> {
    let options = TokenOptions::default();
    let jane_token = provider.access_token_for(&jane(), &options);
    let john_token = provider.access_token_for(&john(), &options);
    let call = |title, status, why, token| Call { title, status, why, token };
    vec![
        call("Jane of Contoso", 200, "She signed in with MFA: amr is [pwd, mfa].", Some(jane_token)),
        call(
            "Trent of Wingtip",
            200,
            "His company's own identity provider performed MFA, and amr says so: [fed, mfa].",
            Some(provider.access_token_for(&trent(), &options)),
        ),
        call(
            "John of Fabrikam",
            401,
            "He signed in with a password alone: amr is [pwd]. The refusal says what to do.",
            Some(john_token.clone()),
        ),
        call("An app-only daemon", 200, "It has no user to perform MFA: idtyp is app.", Some(provider.app_token())),
        call("No token at all", 401, "The refusal asks for a Bearer token.", None),
        call(
            "Jane's expired token",
            401,
            "It shows MFA, but the gateway doesn't look at that in an invalid token.",
            Some(expired(provider, now)),
        ),
        call(
            "A forged token",
            401,
            "John's token with mfa written into it: the signature no longer fits.",
            Some(forged(&john_token)),
        ),
    ]
}

fn expired(provider: &IdentityProvider, now: Timestamp) -> String {
    let mut claims = provider.claims_for(&jane(), &TokenOptions::default());
    let hours_ago = |hours: i64| json!(now.as_secs() - hours * 3600);
    for (claim, hours) in [("iat", 3), ("nbf", 3), ("auth_time", 3), ("exp", 2)] {
        claims[claim] = hours_ago(hours);
    }
    provider.mint(&claims)
}

/// The token with another payload and its old signature.
fn forged(token: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let mut parts = token.split('.');
    let (header, payload, signature) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    claims["amr"] = json!(["pwd", "mfa"]);
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
