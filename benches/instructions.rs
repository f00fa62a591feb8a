//! The same paths for callgrind: counted in instructions, which don't depend on what else the machine is doing.
//!
//! `benches/instructions/run` starts this binary with `COUNT_INSTRUCTIONS` set, below valgrind. What is counted is
//! [`measured`] and what it calls, which is found by its name: that binary is built without stripping it.

use std::hint::black_box;
use std::sync::Arc;

use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method};
use mfa_gateway::App;
use mfa_gateway::gateway::decision_stack;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{MfaRule, Rule, decide};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::{Algorithm, IssuerIndex, IssuerRule, Principal, Unverified};
use mfa_gateway_demo::people;
use mfa_gateway_demo::provider::{IdentityProvider, TokenOptions};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::decide::{MFA, NOW, evidence, large_table, tables, waivers};
use crate::signer::Signer;
use crate::stack::{Last, config, provider, request};
use crate::verify::{claims, rules};

const ITERATIONS: usize = 100;

/// Counts every path, and names them on standard output in the order of callgrind's dumps.
#[expect(clippy::print_stdout, reason = "the names are the output")]
pub(crate) fn count_all() {
    let mut count = |name: &str, path: &mut dyn FnMut()| {
        // What is only done the first time isn't counted.
        for _ in 0..ITERATIONS {
            path();
        }
        measured(path);
        println!("{name} {ITERATIONS}");
    };
    decisions(&mut count);
    paths(&mut count);
    tokens(&mut count);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let provider = provider(&runtime, Clock::manual(NOW));
    permits(&mut count, &runtime, &provider);
    refusals(&mut count, &runtime, &provider);
}

/// What callgrind counts, from its beginning to its end.
#[inline(never)]
fn measured(path: &mut dyn FnMut()) {
    for _ in 0..ITERATIONS {
        path();
    }
}

/// Takes a path's name and the path.
type Count<'c> = dyn FnMut(&str, &mut dyn FnMut()) + 'c;

fn decisions(count: &mut Count<'_>) {
    let rule = Rule::from(MFA);
    for (name, methods, exempt) in [
        ("decide: permit", ["pwd", "mfa"], 0),
        ("decide: deny", ["pwd", "otp"], 0),
        ("decide: deny, 10,000 exceptions and stages", ["pwd", "otp"], 10_000),
    ] {
        let (evidence, waivers) = (evidence(&methods), waivers(exempt));
        count(name, &mut || {
            black_box(decide(black_box(&rule), black_box(&evidence), &waivers, NOW));
        });
    }
}

fn paths(count: &mut Count<'_>) {
    let ((alike, mixed), large) = (tables(), large_table());
    for (name, table, path) in [
        ("path: 200 routes alike", &alike, "/v1/resource-77/customers/4988e250/orders"),
        ("path: 10,000 routes alike", &large, "/v1/resource-77/customers/4988e250/orders"),
        ("path: 200 routes differ", &mixed, "/v1/resource-77/customers/4988e250/orders"),
        ("path: encoded", &mixed, "/v1/resource-77/caf%C3%A9/a%20b/orders"),
        ("path: refused, dot segments", &mixed, "/v1/resource-77/../resource-78/x"),
    ] {
        count(name, &mut || {
            black_box(table.find(black_box(path), &Method::GET).is_ok());
        });
    }
}

fn tokens(count: &mut Count<'_>) {
    let (rules, rule) = (rules(), MfaRule::default());
    let signer = Signer::new(Algorithm::Rs256, "k");
    let (keys, token) = ([Arc::new(signer.key())], signer.token(&claims()));
    count("token: parse", &mut || {
        black_box(Unverified::parse(black_box(&token)).unwrap());
    });
    let issuers: Vec<_> = (0..1000).map(|at| IssuerRule::Exact(format!("https://idp-{at}.example/"))).collect();
    let issuers = IssuerIndex::new(issuers.iter());
    count("token: a stranger's, 1,000 issuers", &mut || {
        black_box(issuers.find(black_box("https://idp.elsewhere.example/")));
    });
    count("token: verify RS256", &mut || {
        let (claims, _) = Unverified::parse(black_box(&token)).unwrap().verify(&keys, &rules, NOW).unwrap();
        black_box((Principal::classify(&claims, &rules.class).unwrap(), rule.evaluate(&claims)));
    });
}

/// From routing to the decision, with the token and without a socket.
fn permits(count: &mut Count<'_>, runtime: &Runtime, provider: &IdentityProvider) {
    let token = provider.access_token_for(&people::jane(), &TokenOptions::default());
    for (name, path, more) in [
        ("stack: public", "/healthz", ""),
        ("stack: token in the cache", "/v1/customers", ""),
        ("stack: token in the cache, counted", "/v1/customers", "report: {}\n"),
        ("stack: token verified anew", "/v1/customers", "token_cache: { max_bytes: 0 }\n"),
    ] {
        let config = config(provider, more);
        let (live, _) = runtime.block_on(App::in_process(config, Clock::manual(NOW), Random::seeded(1))).unwrap();
        let stack = decision_stack(live, Last);
        count(name, &mut || {
            // Nothing in it waits: the keys are there.
            black_box(stack.clone().oneshot(request(path, Some(&token))).now_or_never().unwrap().unwrap());
        });
    }
}

/// The whole stack, the headers' checks and the refusal's bytes included.
fn refusals(count: &mut Count<'_>, runtime: &Runtime, provider: &IdentityProvider) {
    let john = provider.access_token_for(&people::john(), &TokenOptions::default());
    let config = config(provider, "");
    let (_live, stack) = runtime.block_on(App::in_process(config, Clock::manual(NOW), Random::seeded(1))).unwrap();
    for (name, path, token, headers) in [
        ("refusal: no route", "/elsewhere", None, 0),
        ("refusal: no token", "/v1/customers", None, 0),
        ("refusal: no token, 40 headers", "/v1/customers", None, 40),
        ("refusal: without MFA, partner-center", "/v1/customers", Some(john.as_str()), 0),
        ("refusal: without MFA, oauth", "/oauth/x", Some(john.as_str()), 0),
    ] {
        let more: Vec<_> = (0..headers)
            .map(|at| (HeaderName::try_from(format!("x-header-{at}")).unwrap(), HeaderValue::from(at)))
            .collect();
        count(name, &mut || {
            let mut request = request(path, token);
            request.headers_mut().extend(more.iter().cloned());
            black_box(stack.clone().oneshot(request).now_or_never().unwrap().unwrap());
        });
    }
}
