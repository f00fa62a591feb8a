//! What a request costs that has an access token with MFA, in four libraries: one axum route, no socket, a token of RS256.
//!
//! Each checks the signature, `iss`, `aud` and `exp`. That the user did MFA is the layer's own rule here; the others' handlers look
//! at `amr` themselves.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use axum_jwt_auth::{Decoder, LocalDecoder};
use axum_of_authorizer as axum07;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion};
use http::{Request, Response, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use jwt_authorizer::{IntoLayer, JwtAuthorizer, JwtClaims};
use mfa_gateway_layer::{Caller, MfaGateway, Requirement, TrustedIssuer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

const ISSUER: &str = "https://idp.example/";
const AUDIENCE: &str = "https://api.example";
/// How many tokens take turns where every one is new.
const TOKENS: usize = 2000;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claims {
    sub: String,
    amr: Vec<String>,
}

impl Claims {
    fn status(&self) -> StatusCode {
        if self.amr.iter().any(|method| method == "mfa") { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
    }
}

/// An issuer: its key set, and tokens of a user who did MFA.
struct Issuer {
    modulus: String,
    exponent: String,
    tokens: Vec<String>,
}

impl Issuer {
    fn new() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = key.public_key();
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let exponent = encoded(public.exponent().big_endian_without_leading_zero());
        let modulus = encoded(public.modulus().big_endian_without_leading_zero());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let tokens = (0..TOKENS).map(|number| signed(&key, &claims(now, number))).collect();
        Self { modulus, exponent, tokens }
    }

    fn key_set(&self) -> String {
        let key =
            json!({ "kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": self.modulus, "e": self.exponent });
        json!({ "keys": [key] }).to_string()
    }
}

/// The claims of a user's access token, as Entra writes them.
fn claims(now: u64, number: usize) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 3600, "amr": ["pwd", "mfa"],
        "sub": "wkT1MgyS1Yd3N8xVmV5sPqJ7kq0eZr2a9T4uB6cH1oE", "oid": "4988e250-5aee-482a-9136-6d269cb755c0",
        "tid": "df845f1a-7b35-40a2-ba78-6481de91f8ae", "azp": "23ec45a3-5127-4185-9eff-c8887839e6ab", "ver": "2.0",
        "scp": "user_impersonation", "name": "Jane Doe", "jti": number,
    })
}

fn signed(key: &KeyPair, claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "1" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn ours(issuer: &Issuer, cache_bytes: u64) -> Router {
    let trusted = TrustedIssuer::new(ISSUER).audience(AUDIENCE).algorithms([mfa_gateway_layer::Algorithm::Rs256]);
    let mfa =
        MfaGateway::builder().issuer(trusted.jwks(issuer.key_set())).cache_bytes(cache_bytes).build().await.unwrap();
    let handler = async |caller: Caller| caller.subject().map_or(StatusCode::UNAUTHORIZED, |_| StatusCode::OK);
    Router::new().route("/reports", get(handler).layer(mfa.layer(Requirement::mfa())))
}

async fn resource_server(issuer: &Issuer) -> Router {
    let spec = ClaimsValidationSpec::new().exp(true).iss(ISSUER).aud(&vec![AUDIENCE.to_owned()]);
    let tenant = TenantConfiguration::static_builder(issuer.key_set()).claims_validation(spec).build().unwrap();
    let server = OAuth2ResourceServer::<Claims>::builder().add_tenant(tenant).build().await.unwrap();
    let handler = async |Extension(claims): Extension<Claims>| claims.status();
    Router::new().route("/reports", get(handler).layer(server.into_layer()))
}

fn jwt_auth(issuer: &Issuer) -> Router {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    let key = DecodingKey::from_rsa_components(&issuer.modulus, &issuer.exponent).unwrap();
    let decoder: Decoder<Claims> =
        Arc::new(LocalDecoder::builder().keys(vec![key]).validation(validation).build().unwrap());
    let handler = async |user: axum_jwt_auth::Claims<Claims>| user.claims.status();
    Router::new().route("/reports", get(handler)).with_state(decoder)
}

async fn authorizer(issuer: &Issuer) -> axum07::Router {
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
    let built =
        JwtAuthorizer::<Claims>::from_jwks_text(&issuer.key_set()).validation(validation).build().await.unwrap();
    let handler = |JwtClaims(claims): JwtClaims<Claims>| async move { claims.status() };
    axum07::Router::new().route("/reports", axum07::routing::get(handler)).layer(built.into_layer())
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    let mut criterion = Criterion::default().configure_from_args();
    let issuer = Issuer::new();
    let mut compare = |group: &str, tokens: &[String], cache_bytes: u64| {
        let mut run = Run { criterion: &mut criterion, runtime: &runtime, group, tokens };
        run.measure("mfa-gateway-layer", runtime.block_on(ours(&issuer, cache_bytes)), Body::empty);
        run.measure("tower-oauth2-resource-server", runtime.block_on(resource_server(&issuer)), Body::empty);
        run.measure("axum-jwt-auth", jwt_auth(&issuer), Body::empty);
        run.measure("jwt-authorizer", runtime.block_on(authorizer(&issuer)), axum07::body::Body::empty);
    };
    compare("the same token again", &issuer.tokens[..1], 256 << 20);
    // Nobody remembers one.
    compare("every token new", &issuer.tokens, 0);
    criterion.final_summary();
}

/// One group of measurements, in which the tokens take turns.
struct Run<'r> {
    criterion: &'r mut Criterion,
    runtime: &'r Runtime,
    group: &'r str,
    tokens: &'r [String],
}

impl Run<'_> {
    /// Measures a service, after it has shown that it answers as it should.
    fn measure<S, B, A>(&mut self, name: &str, service: S, body: impl Fn() -> B)
    where
        S: Service<Request<B>, Response = Response<A>> + Clone,
        S::Error: std::fmt::Debug,
    {
        let ask = |token: &str| {
            let request = Request::get("/reports").header("authorization", format!("Bearer {token}"));
            request.body(body()).unwrap()
        };
        let status = |request| self.runtime.block_on(service.clone().oneshot(request)).unwrap().status();
        assert_eq!(status(ask(&self.tokens[0])), StatusCode::OK, "{name}");
        let mut forged = self.tokens[0].clone().into_bytes();
        forged[500] ^= 1;
        assert_eq!(status(ask(&String::from_utf8(forged).unwrap())), StatusCode::UNAUTHORIZED, "{name}");
        let turn = Cell::new(0);
        let next = || {
            turn.set((turn.get() + 1) % self.tokens.len());
            ask(&self.tokens[turn.get()])
        };
        let mut group = self.criterion.benchmark_group(self.group);
        group.bench_function(name, |bencher| bencher.iter_batched(next, status, BatchSize::SmallInput));
        group.finish();
    }
}
