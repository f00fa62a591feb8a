//! What every case must show, whatever it tries: the right answer, and that nothing else got through.

use std::fmt::Display;

use mfa_gateway_core::token::Algorithm;
use serde_json::Value;

use crate::support::gateway::user_claims;
use crate::support::signer::key_set;
use crate::support::{Answer, Call, Gateway, Recorder, Signer, World};

/// The issuer of most tokens here.
pub(super) const ISSUER: &str = "https://idp.example/";

/// Every algorithm that can be configured.
const ALL: &str = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA";

/// What must come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The upstream's answer.
    Permitted,
    /// 401, and no word of MFA.
    Invalid,
    /// 401, and that MFA is required.
    NoMfa,
    /// 401 with a bare challenge.
    NoCredential,
    /// This status, and no challenge.
    Refused(u16),
}

/// A gateway, and what went wrong with it so far. It is all told at the end.
pub(super) struct Probe {
    pub(super) gateway: Gateway,
    pub(super) wrong: Wrong,
    _keys: Option<Recorder>,
}

/// The cases of a table that went wrong; the test fails with all of them when it drops this.
#[derive(Default)]
pub(super) struct Wrong(Vec<String>);

impl Wrong {
    /// Notes a case, unless it holds.
    pub(super) fn unless(&mut self, holds: bool, what: impl Display) {
        if !holds {
            self.0.push(what.to_string());
        }
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        assert!(self.0.is_empty() || std::thread::panicking(), "{} cases:\n{}", self.0.len(), self.0.join("\n"));
    }
}

impl Probe {
    /// A gateway that trusts [`ISSUER`] with these keys, and every algorithm.
    pub(super) async fn with_keys(jwks: &[Value]) -> Self {
        Self::with_algorithms(ALL, jwks).await
    }

    /// The same with a list of algorithms.
    pub(super) async fn with_algorithms(algorithms: &str, jwks: &[Value]) -> Self {
        let keys = Recorder::key_set(key_set(jwks)).await;
        let config = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
issuers:
  - {{ name: idp, issuer: {ISSUER}, jwks_uri: \"${{KEYS}}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [{algorithms}] }}
upstreams: [{{ name: api, endpoints: [\"${{UPSTREAM}}\"] }}]
routes:
  - {{ path: /healthz, upstream: api, require: public }}
  - {{ prefix: /v1/, upstream: api }}
"
        );
        let gateway = World::new().await.with("KEYS", &keys.url()).gateway(&config).await;
        Self { gateway, wrong: Wrong::default(), _keys: Some(keys) }
    }

    /// This gateway.
    pub(super) fn of(gateway: Gateway) -> Self {
        Self { gateway, wrong: Wrong::default(), _keys: None }
    }

    /// Sends a token, and notes what isn't as expected.
    pub(super) async fn token(&mut self, what: impl Display, token: &str, expected: Expected) {
        self.call(what, &Call::get("/v1/customers").bearer(token), expected).await;
    }

    /// Sends a token, and notes if it isn't refused with 401.
    pub(super) async fn denied(&mut self, what: impl Display, token: &str) {
        let before = self.gateway.world.upstream.count();
        let code = self.gateway.get("/v1/customers", token).await.code();
        let reached = self.gateway.world.upstream.count() - before;
        self.wrong.unless((code, reached) == (401, 0), format!("{what}: {code}, and the upstream got {reached}"));
    }

    /// Sends a request, and notes what isn't as expected.
    pub(super) async fn call(&mut self, what: impl Display, call: &Call, expected: Expected) {
        let before = self.gateway.world.upstream.count();
        let answer = self.gateway.send(call).await;
        let reached = self.gateway.world.upstream.count() - before;
        if let Err(problem) = judge(&answer, reached, expected) {
            self.wrong.unless(false, format!("{what}: {problem}"));
        }
    }
}

/// What an answer shows that isn't as expected.
pub(super) fn judge(answer: &Answer, reached: usize, expected: Expected) -> Result<(), String> {
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
    let (code, challenge, mfa) = match expected {
        Expected::Permitted => (200, None, false),
        Expected::Invalid => (401, Some(r#"Bearer error="invalid_token""#), false),
        Expected::NoMfa => (401, Some(r#"Bearer error="invalid_token""#), true),
        Expected::NoCredential => (401, Some("Bearer"), false),
        Expected::Refused(code) => (code, None, false),
    };
    let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let speaks_of_mfa = body.contains("mfa") || answer.reason.as_deref().unwrap_or_default().contains("MFA");
    if answer.code() != code {
        Err(format!("{} instead of {code}: {body}", answer.code()))
    } else if challenges != challenge.as_slice() {
        Err(format!("the challenges are {challenges:?}"))
    } else if reached != usize::from(expected == Expected::Permitted) {
        Err(format!("the upstream got {reached} requests"))
    } else if speaks_of_mfa != mfa {
        Err(format!("the answer should {}speak of MFA: {body}", if mfa { "" } else { "not " }))
    } else {
        Ok(())
    }
}

/// The claims of a user with MFA.
pub(super) fn claims() -> Value {
    user_claims(ISSUER)
}

/// A key of each type.
pub(super) fn one_of_each_type() -> [Signer; 5] {
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa]
        .map(|algorithm| Signer::new(algorithm, algorithm.name()))
}
