//! Tokens that are bound to their senders: DPoP (RFC 9449), over real connections.

mod nonces;
mod routes;
mod rules;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::gateway::START;
use crate::support::signer::encode;
use crate::support::{Answer, Call, Gateway, Signer, World};

/// A gateway whose routes demand what they may, in both dialects.
const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
trusted_proxies: [127.0.0.1/32]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { path: /public, upstream: api, require: public }
  - { prefix: /v1/, upstream: api }
  - { prefix: /oauth/, upstream: api, dialect: oauth }
  - { prefix: /bound/, upstream: api, sender_constrained: required }
  - { prefix: /dpop/, upstream: api, dialect: oauth, sender_constrained: dpop }
  - { prefix: /removed/, upstream: api, authorization: remove }
  - { prefix: /cookie/, upstream: api, token_from: { cookie: t } }
";

/// A gateway, and the key of a sender whose tokens are bound to it.
pub(crate) struct Sender {
    pub(crate) gateway: Gateway,
    pub(crate) key: Signer,
}

impl Sender {
    async fn start() -> Self {
        Self::with(CONFIG).await
    }

    pub(crate) async fn with(config: &str) -> Self {
        Self { gateway: World::new().await.gateway(config).await, key: Signer::es256("sender") }
    }

    /// The thumbprint of a key (RFC 7638).
    pub(crate) fn thumbprint(key: &Signer) -> String {
        let jwk = key.jwk();
        let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
        let members = format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, text("crv"), text("x"), text("y"));
        encode(digest(&SHA256, members.as_bytes()).as_ref())
    }

    /// Jane's token, bound to the sender's key.
    pub(crate) fn token(&self) -> String {
        self.token_with(&json!({"jkt": Self::thumbprint(&self.key)}))
    }

    /// Jane's token with this `cnf`.
    pub(crate) fn token_with(&self, cnf: &Value) -> String {
        self.gateway.changed(|claims| claims["cnf"] = cnf.clone())
    }

    /// The address of a path, as a client writes it.
    fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address())
    }

    /// The claims of a proof for a `GET` of this path with this token.
    pub(crate) fn claims(&self, path: &str, token: &str) -> Value {
        let id: [u8; 8] = std::array::from_fn(|_| fastrand::u8(..));
        json!({
            "jti": encode(&id), "htm": "GET", "htu": self.address(path), "iat": START.as_secs(),
            "ath": encode(digest(&SHA256, token.as_bytes()).as_ref()),
        })
    }

    pub(crate) fn header(key: &Signer) -> Value {
        json!({"typ": "dpop+jwt", "alg": key.algorithm.name(), "jwk": key.jwk()})
    }

    /// A good proof for a `GET` of this path with this token.
    fn proof(&self, path: &str, token: &str) -> String {
        self.key.sign(&Self::header(&self.key), &self.claims(path, token))
    }

    /// A request with a token and a proof.
    fn call(path: &str, token: &str, proof: &str) -> Call {
        Call::get(path).header("authorization", &format!("DPoP {token}")).header("dpop", proof)
    }

    /// Sends a request, and asserts that it is refused and reaches no upstream.
    async fn refused(&self, what: &str, call: &Call, status: u16, reason: &str) -> Answer {
        let before = self.gateway.world.upstream.count();
        let answer = self.gateway.send(call).await;
        assert_eq!((answer.code(), answer.refusal().as_str()), (status, reason), "{what}");
        assert_eq!(self.gateway.world.upstream.count(), before, "{what}: the upstream was reached");
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!body.contains("\"seen\"") && !body.contains("MFA"), "{what}: {body}");
        answer
    }

    /// Sends a request, and asserts that it is permitted.
    async fn permitted(&self, what: &str, call: &Call) -> Answer {
        let answer = self.gateway.send(call).await;
        assert_eq!(answer.code(), 200, "{what}: {:?}", answer.body);
        answer
    }
}
