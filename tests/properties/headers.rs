//! Nobody tells the upstream who they are: the gateway does.

use proptest::prelude::*;

use super::runner;
use crate::support::{Call, Gateway, Http1, Http2};

/// Words of names in which upstreams, and what stands before them, read who calls and from where.
const GUARDED: [&[&str]; 22] = [
    &["x", "auth", "request", "user"],
    &["x", "auth", "request", "class"],
    &["x", "auth", "request", "grounds"],
    &["x", "auth", "request", "methods"],
    &["x", "auth", "request", "anything", "new"],
    &["x", "forwarded", "for"],
    &["x", "forwarded", "user"],
    &["x", "forwarded", "host"],
    &["x", "forwarded", "proto"],
    &["x", "forwarded", "client", "cert"],
    &["forwarded"],
    &["x", "real", "ip"],
    &["x", "remote", "user"],
    &["remote", "user"],
    &["x", "ms", "client", "principal"],
    &["x", "ms", "client", "principal", "id"],
    &["x", "original", "url"],
    &["x", "rewrite", "url"],
    &["x", "http", "method", "override"],
    &["true", "client", "ip"],
    &["cf", "connecting", "ip"],
    &["ssl", "client", "s", "dn"],
];

const MARK: &str = "spoofed-by-the-client";

/// A spelling of one of the names: any separators, any letter case.
fn any_spelling() -> impl Strategy<Value = String> {
    let separator = prop::sample::select(vec!["-", "_", ".", "", "--", "-_", "~", "'", "!"]);
    (prop::sample::select(GUARDED.to_vec()), prop::collection::vec(separator, 6), any::<u64>()).prop_map(
        |(words, separators, capitals)| {
            let joined: String = words
                .iter()
                .enumerate()
                .flat_map(|(at, word)| [if at == 0 { "" } else { separators[at] }, word])
                .collect();
            let spelt = joined
                .chars()
                .enumerate()
                .map(|(at, char)| if capitals >> (at % 64) & 1 == 1 { char.to_ascii_uppercase() } else { char });
            spelt.collect()
        },
    )
}

#[test]
fn s24_an_identity_that_the_client_claims_never_reaches_the_upstream() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (gateway, token) = runtime.block_on(async {
        let gateway = Gateway::start().await;
        let token = gateway.jane();
        (gateway, token)
    });
    let http1 = std::cell::RefCell::new(runtime.block_on(Http1::connect(gateway.address())));
    let http2 = runtime.block_on(Http2::connect(gateway.address()));
    let case = |(name, other, is_http2, public): (String, String, bool, bool)| {
        let call = Call::get(if public { "/healthz" } else { "/v1/customers" })
            .bearer(&token)
            .header(&name, MARK)
            .header(&other, MARK)
            .header("x-honest", "kept");
        let answer = if is_http2 {
            runtime.block_on(http2.send(&call))
        } else {
            runtime.block_on(http1.borrow_mut().send(&call))
        };
        prop_assert_eq!(answer.code(), 200);
        let seen = gateway.world.upstream.seen().pop().unwrap();
        prop_assert_eq!(seen.header("x-honest"), Some("kept"));
        let leaked: Vec<_> = seen.headers.iter().filter(|(_, value)| value.as_bytes() == MARK.as_bytes()).collect();
        prop_assert!(leaked.is_empty(), "{leaked:?}");
        prop_assert_eq!(seen.header("x-auth-request-user").is_some(), !public);
        Ok(())
    };
    runner(200).run(&(any_spelling(), any_spelling(), any::<bool>(), any::<bool>()), case).unwrap();
}
