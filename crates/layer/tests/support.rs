//! A service behind a layer, and tokens for it.

use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use mfa_gateway_layer::{
    Algorithm, Caller, Clock, MfaGateway, MfaLayer, Refuse, Requirement, Timestamp, TrustedIssuer,
};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};

#[path = "../../../tests/support/signer.rs"]
#[expect(dead_code, reason = "the gateway's tests sign in more ways")]
mod signer;

pub(crate) use signer::{Signer, key_set};

/// The time of all tests.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The issuer of all tokens.
pub(crate) const ISSUER: &str = "https://idp.example/";

/// The service, as tokens name it.
pub(crate) const AUDIENCE: &str = "https://api.example";

/// The one key.
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::es256("k"));

/// The issuer with its key, which is given.
pub(crate) fn issuer() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER)
        .named("idp")
        .audience(AUDIENCE)
        .algorithms([Algorithm::Es256])
        .jwks(key_set(&[SIGNER.jwk()]))
}

/// A rule with that issuer, and its clock.
pub(crate) fn gateway() -> (MfaGateway, Clock) {
    let clock = Clock::manual(NOW);
    (MfaGateway::for_tests(issuer(), clock.clone()).unwrap(), clock)
}

/// The claims of a user who did these methods a minute ago.
pub(crate) fn user(amr: &[&str]) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": NOW.as_secs() + 3600, "sub": "user-1", "client_id": "app-1", "scp": "x",
        "tid": "contoso", "amr": amr, "auth_time": NOW.as_secs() - 60, "email": "user@example", "groups": ["operators"],
    })
}

/// The claims of an application alone.
pub(crate) fn application() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW.as_secs() + 3600, "sub": "app-1", "client_id": "app-1"})
}

/// A request with a token of these claims.
pub(crate) fn with(claims: &Value) -> Request<Full<Bytes>> {
    let mut request = without();
    let field = format!("Bearer {}", SIGNER.token(claims)).parse().unwrap();
    request.headers_mut().insert("authorization", field);
    request
}

/// A request without a credential.
pub(crate) fn without() -> Request<Full<Bytes>> {
    Request::get("/reports?year=2026").body(Full::default()).unwrap()
}

/// What came back: the status, the fields and the body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The text of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A member of the body, which is JSON.
    pub(crate) fn member(&self, name: &str) -> Value {
        serde_json::from_str::<Value>(&self.body).unwrap()[name].clone()
    }
}

/// Sends a request to a service that says who called, and what came through.
pub(crate) async fn call<R>(layer: &MfaLayer<R>, request: Request<Full<Bytes>>) -> Answer
where
    R: Refuse<Full<Bytes>> + Clone,
{
    answer(&mut layer.layer(service_fn(tell)), request).await
}

/// Sends a request to this service.
pub(crate) async fn answer<S>(service: &mut S, request: Request<Full<Bytes>>) -> Answer
where
    S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let response = service.ready().await.unwrap().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

/// The service: it says who called.
pub(crate) async fn tell(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let caller = request.extensions().get::<Caller>();
    let text = caller.map(|caller| format!("{} {}", caller.subject().unwrap_or("nobody"), caller.grounds().code()));
    Ok(Response::new(Full::from(text.unwrap_or_default())))
}

/// The layer for a requirement.
pub(crate) fn layer(requirement: Requirement) -> MfaLayer {
    gateway().0.layer(requirement)
}
