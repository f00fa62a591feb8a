//! Every caller on every kind of route, through a layer and through the gateway.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use mfa_gateway::App;
use mfa_gateway::gateway::Body;
use mfa_gateway::library::Library;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::random::Random;
use mfa_gateway_layer::{
    Algorithm, Caller, Dialect, Exception, MfaGateway, MfaLayer, MfaRule, Mode, Predicate, Requirement, TrustedIssuer,
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use super::callers::{APPLICATION, DOWN, TENANT, VENDOR, callers};
use crate::support::Recorder;
use crate::support::gateway::{AUDIENCE, START, config};
use crate::support::rule::{ISSUER, SIGNER};
use crate::support::signer::key_set;

/// Where the keys are of an issuer that is down.
const DOWN_KEYS: &str = "/keys-of-down";
const NOW: Timestamp = START;
const MINUTE: Duration = Duration::from_secs(60);
const MAX_AGE: Duration = Duration::from_secs(900);

/// The routes: a requirement, a rule for applications, and a mode.
const REQUIREMENTS: [&str; 4] = ["public", "authenticated", "mfa", "fresh"];
const APP_ONLY: [&str; 3] = ["allow", "vendors", "deny"];
const MODES: [Mode; 3] = [Mode::Enforce, Mode::Report, Mode::Off];
const EXCEPTIONS: [&str; 4] = ["none", "covering", "expired", "of another user"];

fn places() -> impl Iterator<Item = (&'static str, &'static str, Mode)> {
    REQUIREMENTS.into_iter().flat_map(|requirement| {
        APP_ONLY.into_iter().flat_map(move |app_only| MODES.into_iter().map(move |mode| (requirement, app_only, mode)))
    })
}

fn path((requirement, app_only, mode): (&str, &str, Mode)) -> String {
    format!("/{requirement}/{app_only}/{}/x", mode.name())
}

fn routes() -> String {
    let mut routes = String::new();
    for place in places() {
        let (requirement, app_only, mode) = place;
        let path = path(place);
        write!(routes, "  - {{ path: {path}, upstream: api").unwrap();
        match requirement {
            // A public route asks for nothing else.
            "public" => {
                routes.push_str(", require: public }\n");
                continue;
            }
            "authenticated" => routes.push_str(", require: authenticated"),
            "fresh" => routes.push_str(", max_age: 15m, dialect: oauth"),
            _ => {}
        }
        match app_only {
            "vendors" => routes.push_str(", acts_for_partner: true"),
            "deny" => routes.push_str(", app_only: deny"),
            _ => {}
        }
        // The others know no mode.
        if ["mfa", "fresh"].contains(&requirement) {
            write!(routes, ", mode: '{}'", mode.name()).unwrap();
        }
        writeln!(routes, ", tenants: [{TENANT}] }}").unwrap();
    }
    routes
}

fn requirement((requirement, app_only, mode): (&str, &str, Mode)) -> Requirement {
    let one = match requirement {
        "public" => return Requirement::public(),
        "authenticated" => Requirement::authenticated(),
        "mfa" => Requirement::mfa(),
        _ => Requirement::mfa().max_age(MAX_AGE).dialect(Dialect::Oauth),
    };
    let one = match app_only {
        "allow" => one,
        "vendors" => one.deny_app_only_of([VENDOR]),
        _ => one.deny_app_only(),
    };
    one.activation(mode).tenants([TENANT])
}

/// The exceptions of a kind: for each application, who is the user, and when it ends.
fn exceptions(kind: &str) -> Vec<Exception> {
    let (user, expires) = match kind {
        "none" => return Vec::new(),
        "covering" => (None, NOW.plus(60 * MINUTE)),
        "expired" => (None, NOW),
        _ => (Some("user-2"), NOW.plus(60 * MINUTE)),
    };
    let one = |(at, application): (usize, &str)| {
        let exception = Exception::until(format!("EX-{at}"), expires).of_application(application);
        match user {
            Some(user) => exception.of_user(user),
            None => exception,
        }
    };
    [APPLICATION, VENDOR].into_iter().enumerate().map(one).collect()
}

fn written(exceptions: &[Exception]) -> String {
    let mut text = String::from(if exceptions.is_empty() { "" } else { "exceptions:\n" });
    for one in exceptions {
        let user = one.user.as_ref().map(|user| format!(", user: {user}")).unwrap_or_default();
        let application = one.application.as_deref().unwrap();
        let (id, expires) = (&one.id, one.expires);
        writeln!(
            text,
            "  - {{ id: {id}, owner: o, reason: r, expires: \"{expires}\", application: {application}{user} }}"
        )
        .unwrap();
    }
    text
}

/// What a client gets, and what the service behind learns: its body says that.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: u16,
    fields: BTreeMap<&'static str, Vec<String>>,
    body: String,
}

const FIELDS: [&str; 9] = [
    "www-authenticate",
    "content-type",
    "cache-control",
    "retry-after",
    "ismfacompliant",
    "mfa-report",
    "grpc-status",
    "grpc-message",
    "request-context",
];

async fn outcome<B: http_body::Body>(response: Response<B>) -> Outcome
where
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let values = |name| parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let fields = FIELDS.into_iter().map(|name| (name, values(name))).collect();
    Outcome { status: parts.status.as_u16(), fields, body }
}

fn request<B: Default>(path: &str, authorization: Option<&str>, grpc: bool) -> Request<B> {
    let mut request = Request::new(B::default());
    *request.uri_mut() = path.parse().unwrap();
    let headers = request.headers_mut();
    let mut insert = |name: &'static str, value: &str| headers.insert(name, value.parse().unwrap());
    insert("host", "api.example");
    insert("ms-requestid", "a-1");
    insert("validatemfa", "true");
    if let Some(authorization) = authorization {
        insert("authorization", authorization);
    }
    if grpc {
        insert("content-type", "application/grpc");
        *request.method_mut() = http::Method::POST;
    }
    request
}

const LEARNED: [&str; 7] = ["class", "issuer", "tenant", "application", "user", "methods", "grounds"];

/// The upstream: it says what the gateway told it.
fn told(headers: &HeaderMap) -> String {
    let value = |name: &str| {
        let value = headers.get(format!("x-auth-request-{name}"))?.to_str().unwrap();
        Some((name.to_owned(), json!(value)))
    };
    Value::Object(LEARNED.into_iter().filter_map(value).collect()).to_string()
}

/// The service: it says the same of its caller.
async fn learned(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let caller = request.extensions().get::<Caller>().unwrap();
    let class = if caller.is_app_only() { "app_only" } else { "app_user" };
    let known = caller.issuer().is_some();
    let methods = caller.methods().join(",");
    let values = [
        Some(class).filter(|_| known),
        caller.issuer(),
        caller.tenant(),
        caller.application(),
        caller.user(),
        Some(&*methods).filter(|methods| !methods.is_empty()),
        Some(caller.grounds().code()).filter(|_| known),
    ];
    let members = LEARNED.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Ok(Response::new(Full::from(Value::Object(members.collect()).to_string())))
}

/// The library, with the same rule.
async fn library(exceptions: Vec<Exception>, clock: Clock) -> MfaGateway {
    let issuer = |iss: &str| TrustedIssuer::new(iss).audience(AUDIENCE).algorithms([Algorithm::Es256]);
    let bypass = vec![Predicate::contains("amr", "bypass")];
    let idp = issuer(ISSUER).named("idp").mfa(MfaRule { deny: bypass, ..MfaRule::default() });
    let builder = MfaGateway::builder()
        .issuer(idp.jwks(key_set(&[SIGNER.jwk()])))
        .issuer(issuer(DOWN).named("down").jwks_uri("http://127.0.0.1:9/keys"))
        .clock(clock);
    exceptions.into_iter().fold(builder, mfa_gateway_layer::Builder::exception).build().await.unwrap()
}

fn gateway_config(exceptions: &[Exception], keys: &Recorder, upstream: &Recorder) -> String {
    format!(
        "
listeners: [{{ address: 127.0.0.1:0 }}]
issuers:
  - name: idp
    issuer: {ISSUER}
    jwks_uri: {keys}
    audiences: [{AUDIENCE}]
    algorithms: [ES256]
    mfa_evidence: {{ any: [{{ claim: amr, contains: mfa }}], deny: [{{ claim: amr, contains: bypass }}] }}
  - {{ name: down, issuer: {DOWN}, jwks_uri: {keys}{DOWN_KEYS}, audiences: [{AUDIENCE}], algorithms: [ES256] }}
upstreams: [{{ name: api, endpoints: [{upstream}] }}]
applications: {{ control_panel_vendors: [{VENDOR}] }}
{exceptions}
routes:
{routes}",
        keys = keys.url(),
        upstream = upstream.url(),
        exceptions = written(exceptions),
        routes = routes(),
    )
}

/// Whether the requests are gRPC calls. Exceptions make no difference to that.
fn forms(kind: &str) -> &'static [bool] {
    if kind == "none" { &[false, true] } else { &[false] }
}

/// The same rule, once from code and once from the gateway's file, whose issuer that is down can't be asked at all.
struct Libraries {
    from_code: MfaGateway,
    from_file: Library,
}

impl Libraries {
    async fn new(exceptions: Vec<Exception>, text: &str, clocks: [&Clock; 2]) -> Self {
        let from_code = library(exceptions, clocks[0].clone()).await;
        let begin = text.find(DOWN_KEYS).unwrap();
        let host = text[..begin].rfind("http://").unwrap();
        let text = [&text[..host], "http://127.0.0.1:9", &text[begin..]].concat();
        let from_file = Library::new(config(&text, &[]), clocks[1].clone(), Random::seeded(1)).await.unwrap();
        Self { from_code, from_file }
    }

    /// The layers of a route.
    fn layers(&self, place: (&str, &str, Mode)) -> [(&'static str, MfaLayer); 2] {
        let from_file = self.from_file.layer(&path(place)).unwrap();
        [("code", self.from_code.layer(requirement(place))), ("file", from_file)]
    }
}

/// Sends every caller to every route, through the gateway and both libraries.
async fn compare(kind: &str) -> usize {
    let keys = Recorder::key_set(key_set(&[SIGNER.jwk()])).await;
    let upstream = Recorder::answering(|seen| Response::new(Full::from(told(&seen.headers)))).await;
    let exceptions = exceptions(kind);
    let clocks = [(); 3].map(|()| Clock::manual(NOW.minus(MINUTE)));
    let text = gateway_config(&exceptions, &keys, &upstream);
    let (_live, gateway) = App::in_process(config(&text, &[]), clocks[0].clone(), Random::seeded(1)).await.unwrap();
    let libraries = Libraries::new(exceptions, &text, [&clocks[1], &clocks[2]]).await;
    let callers = callers();
    let ended = callers["amr [mfa], expired since its verification"].as_deref();
    let first = gateway.clone().oneshot(request("/authenticated/allow/enforce/x", ended, false)).await.unwrap();
    assert_eq!(first.status().as_u16(), 200, "it was valid a minute ago");
    for (_, layer) in libraries.layers(("authenticated", "allow", Mode::Enforce)) {
        let second = layer.layer(service_fn(learned)).oneshot(request("/", ended, false)).await.unwrap();
        assert_eq!(second.status().as_u16(), 200, "it was valid a minute ago");
    }
    for clock in &clocks {
        clock.advance(MINUTE);
    }
    let mut compared = 0;
    for place in places() {
        let path = path(place);
        let services = libraries.layers(place).map(|(origin, layer)| (origin, layer.layer(service_fn(learned))));
        for (name, authorization) in &callers {
            for &grpc in forms(kind) {
                let unavailable = *name == "keys that are unavailable" && place.0 != "public";
                if unavailable {
                    // The gateway waits for a fetch here that nobody makes.
                    tokio::time::pause();
                }
                let by_gateway =
                    gateway.clone().oneshot(request::<Body>(&path, authorization.as_deref(), grpc)).await.unwrap();
                if unavailable {
                    tokio::time::resume();
                }
                let by_gateway = outcome(by_gateway).await;
                for (origin, service) in services.clone() {
                    let by_layer = service.oneshot(request(&path, authorization.as_deref(), grpc)).await.unwrap();
                    let what = format!("a rule from {origin}: {name} at {path}, exception: {kind}");
                    assert_eq!(outcome(by_layer).await, by_gateway, "left: the layer; right: the gateway; {what}");
                    compared += 1;
                }
            }
        }
    }
    libraries.from_code.shutdown().await;
    libraries.from_file.gateway().shutdown().await;
    compared
}

#[tokio::test]
async fn every_caller_gets_the_same_from_a_layer_and_from_the_gateway() {
    for kind in EXCEPTIONS {
        let compared = compare(kind).await;
        assert_eq!(compared, callers().len() * places().count() * forms(kind).len() * 2, "{kind}");
    }
}
