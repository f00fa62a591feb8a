//! Security event tokens (RFC 8417, RFC 8935): what a transmitter says ends tokens, and nothing else does.

mod deliveries;
mod effects;

use serde_json::{Value, json};

use crate::support::gateway::assert_invalid;
use crate::support::signer::key_set;
use crate::support::{Answer, Call, Gateway, Recorder, Signer, World};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const HERE: &str = "https://gateway.example/security-events";

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0, authentication: { operators: { issuer: idp, audiences: [operators] } } }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
security_events:
  transmitters:
    - { name: idp, issuer: idp, audience: https://gateway.example/security-events, email_claim: upn }
    - name: partner
      issuer: { name: partner-events, issuer: https://events.example/, jwks_uri: \"${KEYS}\", algorithms: [ES256] }
      audience: https://gateway.example/security-events
      issuers: [idp]
      bearer_token_file: \"${TOKENS}\"
      events: [session-revoked]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { path: /security-events, serve: security_events, require: public }
  - { prefix: /v1/, upstream: api }
";

const BEARER: &str = "a-bearer-token-of-the-partner-0123456789";

/// A token of this type.
fn of_type(signer: &Signer, typ: &str, claims: &Value) -> String {
    let mut header = signer.header();
    header["typ"] = json!(typ);
    signer.sign(&header, claims)
}

struct Transmitter {
    gateway: Gateway,
    partner: Signer,
    _tokens: tempfile::NamedTempFile,
    keys: Recorder,
}

impl Transmitter {
    async fn start() -> Self {
        Self::with(CONFIG).await
    }

    async fn with(text: &str) -> Self {
        let partner = Signer::es256("events");
        let keys = Recorder::key_set(key_set(&[partner.jwk()])).await;
        let tokens = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(tokens.path(), format!("# the partner's\n{BEARER}\n")).unwrap();
        let world = World::new().await.with("KEYS", &keys.url()).with("TOKENS", tokens.path().to_str().unwrap());
        Self { gateway: world.gateway(text).await, partner, _tokens: tokens, keys }
    }

    /// The claims of a security event token of the identity provider, changed.
    fn claims(&self, changes: &Value) -> Value {
        let issuer = self.gateway.world.provider.issuer();
        let mut claims = json!({"iss": issuer, "aud": HERE, "jti": "j", "iat": self.now(),
            "sub_id": self.jane(), "events": {format!("{CAEP}session-revoked"): {"event_timestamp": self.now()}}});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn now(&self) -> i64 {
        self.gateway.world.clock.now().as_secs()
    }

    fn jane(&self) -> Value {
        let claims = self.gateway.claims(|_| {});
        json!({"format": "iss_sub", "iss": claims["iss"], "sub": claims["sub"]})
    }

    fn signed(&self, typ: Option<&str>, claims: &Value) -> String {
        let mut header = self.gateway.header();
        header["typ"] = json!(typ);
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.gateway.world.provider.sign_with(&header, claims)
    }

    async fn push(&self, token: &str) -> Answer {
        self.send(Call::post("/security-events", token).header("content-type", "application/secevent+jwt")).await
    }

    async fn send(&self, call: Call) -> Answer {
        self.gateway.send(&call).await
    }

    async fn tell(&self, changes: &Value) -> Answer {
        self.push(&self.signed(Some("secevent+jwt"), &self.claims(changes))).await
    }

    /// Asserts a refusal by its code.
    async fn refuses(&self, what: &str, token: &str, code: &str) {
        let answer = self.push(token).await;
        assert_eq!((answer.code(), answer.json()["err"].as_str().unwrap()), (400, code), "{what}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
        assert_eq!(answer.header("content-language"), Some("en"), "{what}");
        assert!(answer.json()["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
    }

    async fn stands(&self, token: &str) -> bool {
        let answer = self.gateway.get("/v1/customers", token).await;
        if answer.code() != 200 {
            assert_invalid("revoked", &answer, "token_revoked");
        }
        answer.code() == 200
    }

    async fn counted(&self, transmitter: &str, result: &str) -> f64 {
        let labels = format!("{{transmitter=\"{transmitter}\",result=\"{result}\"}}");
        self.gateway.metric(&format!("mfa_gateway_security_event_tokens_total{labels}")).await
    }
}
