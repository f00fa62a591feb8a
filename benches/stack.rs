//! The stack in process, without sockets: from routing to the decision, and a refusal down to its bytes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use criterion::Criterion;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use mfa_gateway::App;
use mfa_gateway::config::Config;
use mfa_gateway::gateway::{Answer, Body, Cleared, Rejection, decision_stack};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_demo::people;
use mfa_gateway_demo::provider::{IdentityProvider, TokenOptions};
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"ISSUER\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [http://127.0.0.1:9] }]
routes:
  - { path: /healthz, upstream: api, require: public }
  - { prefix: /v1/, upstream: api }
  - { prefix: /oauth/, upstream: api, dialect: oauth }
log: { decisions: none }
";

/// In place of the proxy: answers at once.
#[derive(Clone)]
pub(crate) struct Last;

impl Service<Cleared> for Last {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Cleared) -> Answer {
        Box::pin(async { Ok(Response::new(Body::empty())) })
    }
}

pub(crate) fn provider(runtime: &Runtime, clock: Clock) -> IdentityProvider {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    runtime.block_on(IdentityProvider::start(address, clock, people::everyone())).unwrap()
}

pub(crate) fn config(provider: &IdentityProvider, more: &str) -> Config {
    let text = CONFIG.replace("ISSUER", provider.issuer()) + more;
    Config::parse("bench.yaml", &text, HashMap::new()).unwrap()
}

pub(crate) fn request(path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert("host", HeaderValue::from_static("api.example"));
    if let Some(token) = token {
        request.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    }
    request
}

pub(crate) fn decisions(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    let provider = provider(&runtime, Clock::system());
    let token = provider.access_token_for(&people::jane(), &TokenOptions::default());
    let mut group = criterion.benchmark_group("stack");
    for (name, path, more) in [
        ("public", "/healthz", ""),
        ("mfa, token in the cache", "/v1/customers", ""),
        ("mfa, token verified anew", "/v1/customers", "token_cache: { max_bytes: 0 }\n"),
    ] {
        let config = config(&provider, more);
        let (live, _) = runtime.block_on(App::in_process(config, Clock::system(), Random::seeded(1))).unwrap();
        let stack = decision_stack(live, Last);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || request(path, Some(&token)),
                // Nothing in it waits: the keys are there.
                |request| stack.clone().oneshot(request).now_or_never().unwrap().unwrap(),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

pub(crate) fn refusals(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    let provider = provider(&runtime, Clock::system());
    let john = provider.access_token_for(&people::john(), &TokenOptions::default());
    let config = config(&provider, "");
    let (_live, stack) = runtime.block_on(App::in_process(config, Clock::system(), Random::seeded(1))).unwrap();
    let mut group = criterion.benchmark_group("refusal");
    for (name, path, token) in [
        ("no route", "/elsewhere", None),
        ("no token", "/v1/customers", None),
        ("mfa missing, partner-center", "/v1/customers", Some(john.as_str())),
        ("mfa missing, oauth", "/oauth/x", Some(john.as_str())),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || request(path, token),
                |request| stack.clone().oneshot(request).now_or_never().unwrap().unwrap(),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
