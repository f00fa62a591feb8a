//! The calls to try: who makes them, and what becomes of them.

use serde_json::{Value, json};

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_demo::people::{jane, john, trent};
use mfa_gateway_demo::provider::{IdentityProvider, TokenOptions};
use mfa_gateway_demo::tenants::{ADATUM, Tenant};

/// One call to try.
pub(super) struct Call {
    pub(super) title: &'static str,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) why: &'static str,
    /// The token and the name of its file.
    pub(super) token: Option<(&'static str, String)>,
}

/// The calls, with fresh tokens.
pub(super) fn calls(provider: &IdentityProvider, now: Timestamp) -> Vec<Call> {
    let options = TokenOptions::default();
    let jane_token = provider.access_token_for(&jane(), &options);
    let john_token = provider.access_token_for(&john(), &options);
    let call = |title, status, why, token| Call { title, path: "/v1/customers".to_owned(), status, why, token };
    vec![
        call("Jane of Contoso", 200, "She signed in with MFA: amr is [pwd, mfa].", Some(("jane", jane_token))),
        call(
            "John of Fabrikam",
            401,
            "He signed in with a password alone: amr is [pwd]. The refusal says what to do.",
            Some(("john", john_token.clone())),
        ),
        call(
            "Trent of Wingtip",
            200,
            "His company's own identity provider performed MFA, and amr says so: [fed, mfa].",
            Some(("trent", provider.access_token_for(&trent(), &options))),
        ),
        call(
            "An app-only daemon",
            200,
            "It has no user to perform MFA: idtyp is app.",
            Some(("daemon", provider.app_token())),
        ),
        call("No token at all", 401, "The refusal asks for a Bearer token.", None),
        call(
            "Jane's expired token",
            401,
            "It shows MFA, but the gateway doesn't look at that in an invalid token.",
            Some(("expired", expired(provider, now))),
        ),
        call(
            "A forged token",
            401,
            "John's token with mfa written into it: the signature no longer fits.",
            Some(("forged", forged(&john_token))),
        ),
    ]
}

/// Calls for a customer: its path opens in its tenant alone.
pub(super) fn abroad(provider: &IdentityProvider) -> [Call; 2] {
    let path = format!("/v1/customers/{ADATUM}/users");
    let token = |name, tenant| {
        let options = TokenOptions { tenant, ..TokenOptions::default() };
        Some((name, provider.access_token_for(&jane(), &options)))
    };
    [
        Call {
            title: "Jane, signed in to her customer Adatum",
            path: path.clone(),
            status: 200,
            why: "Her company has a delegation from Adatum for admin agents, and she did MFA in Adatum's tenant.",
            token: token("jane-adatum", Tenant::find(ADATUM)),
        },
        Call {
            title: "Jane's token of her own tenant, for Adatum",
            path,
            status: 403,
            why: "It has MFA, of another tenant. The refusal says where to sign in.",
            token: token("jane", None),
        },
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
