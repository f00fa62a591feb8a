//! Every list of a configuration that may have thousands of entries, one at a time: reading it costs in step with its length.
//!
//! It takes minutes, so that `./test --all` alone runs it.

use std::collections::HashMap;
use std::time::Duration;

use mfa_gateway::config::Config;

use crate::growth::spent;

/// The entries of the shorter list, how many times as many the longer one has, and how many times its cost may be. A pass
/// over every pair makes it 64 times, which shows where an entry costs little besides.
const ENTRIES: usize = 500;
const TIMES: usize = 8;
const MOST: f64 = 13.0;

/// How often a list may be measured: another process can take the caches away.
const ATTEMPTS: usize = 3;

/// A list: what it is, and the sections that have an entry for each of it. In an entry, `@` is its number, `#` a GUID of the
/// number, and `$` the number in letters.
struct List {
    name: &'static str,
    sections: &'static [(&'static str, &'static str)],
}

const UPSTREAM: &str = "upstreams: [{ name: api, endpoints: [http://127.0.0.1:1] }]\n";
const ISSUER: &str = "issuers: [{ name: idp, issuer: 'https://idp.example/', audiences: [api] }]\n";
const ROUTE: &str = "routes: [{ prefix: /, upstream: api }]\n";
const ROUTES: (&str, &str) = ("routes", "{ prefix: /r@/, upstream: api }");
const ISSUERS: (&str, &str) = ("issuers", "{ name: idp@, issuer: 'https://idp@.example/', audiences: [api] }");
const ROLES: (&str, &str) = ("roles", "{ name: r@, any: [{ claim: groups, contains: g@ }] }");

fn file(list: &List, count: usize) -> String {
    let has = |section: &str| list.sections.iter().any(|(own, _)| *own == section);
    let rest = [("upstreams", UPSTREAM), ("issuers", ISSUER), ("routes", ROUTE)];
    let rest = rest.into_iter().filter(|(section, _)| !has(section)).map(|(_, text)| text);
    let mut text = format!("listeners: [{{ address: 127.0.0.1:0 }}]\n{}", rest.collect::<String>());
    for (section, entry) in list.sections {
        text.extend([section, ":\n"]);
        for at in 0..count {
            let number = at.to_string();
            let letters: String = number.bytes().map(|digit| char::from(digit - b'0' + b'A')).collect();
            let guid = format!("00000000-0000-4000-8000-{at:012x}");
            text.extend(["  - ", &entry.replace('@', &number).replace('#', &guid).replace('$', &letters), "\n"]);
        }
    }
    text
}

fn cost(list: &List, count: usize) -> Duration {
    let text = file(list, count);
    let before = spent();
    // Problems are a result like any other.
    let _ = std::hint::black_box(Config::parse("f", &text, HashMap::new()));
    spent().saturating_sub(before)
}

fn growth(list: &List) -> f64 {
    let small = (0..3).map(|_| cost(list, ENTRIES)).min().unwrap();
    cost(list, ENTRIES * TIMES).as_secs_f64() / small.as_secs_f64()
}

const fn list(name: &'static str, sections: &'static [(&'static str, &'static str)]) -> List {
    List { name, sections }
}

const LISTS: &[List] = &[
    list("routes", &[ROUTES]),
    list("methods of a path", &[("routes", "{ path: /r, methods: [M-$], upstream: api }")]),
    list("hosts of a path", &[("routes", "{ prefix: /, host: h@.example, upstream: api }")]),
    list("the same route", &[("routes", "{ prefix: /r/, upstream: api }")]),
    list("parameters", &[("routes", "{ prefix: '/v1/{a}/r@/', upstream: api }")]),
    list(
        "upstreams",
        &[
            ("upstreams", "{ name: api@, endpoints: [http://127.0.0.1:1] }"),
            ("routes", "{ prefix: /r@/, upstream: api@ }"),
        ],
    ),
    list(
        "unknown upstreams",
        &[
            ("upstreams", "{ name: api@, endpoints: [http://127.0.0.1:1] }"),
            ("routes", "{ prefix: /r@/, upstream: service@ }"),
        ],
    ),
    list(
        "rate limits",
        &[
            ("rate_limits", "{ name: l@, requests: 5, per: 1m, key: application }"),
            ("routes", "{ prefix: /r@/, upstream: api, rate_limit: l@ }"),
        ],
    ),
    list("issuers", &[ISSUERS]),
    list("issuers of Entra", &[("issuers", "{ name: e@, entra: { tenants: [#] }, audiences: [api] }")]),
    list(
        "issuers with keys",
        &[(
            "issuers",
            "{ name: i@, issuer: 'https://idp@.example/', audiences: [api], jwks_uri: 'https://keys.example/@' }",
        )],
    ),
    list("roles", &[ROLES, ("routes", "{ prefix: /r@/, upstream: api, roles: [r@] }")]),
    list("predicates of a role", &[("roles", "{ name: r, any: [{ claim: groups, contains: g@ }] }")]),
    list(
        "roles of issuers",
        &[ISSUERS, ("roles", "{ name: r@, issuer: idp@, any: [{ claim: groups, contains: g@ }] }")],
    ),
    list(
        "exceptions",
        &[
            ROUTES,
            (
                "exceptions",
                "{ id: e@, owner: o, reason: r, expires: '2099-01-01T00:00:00Z', user: u@, routes: [/r@/] }",
            ),
        ],
    ),
    list(
        "exceptions that ended",
        &[("exceptions", "{ id: e@, owner: o, reason: r, expires: '2019-01-01T00:00:00Z', user: u@ }")],
    ),
    list(
        "exceptions for unknown routes",
        &[
            ROUTES,
            (
                "exceptions",
                "{ id: e@, owner: o, reason: r, expires: '2099-01-01T00:00:00Z', user: u@, routes: [/v1/@] }",
            ),
        ],
    ),
    list("stages", &[("activation", "{ application: '#', mode: report }")]),
    list("stages of everything", &[("activation", "{ issuer: idp, tenant: '#', application: '#', mode: report }")]),
    list("partners", &[("partners", "'#'")]),
    list(
        "delegations",
        &[
            ROLES,
            (
                "delegations",
                "{ partner: 00000000-0000-4000-9000-000000000000, customer: '#', roles: [r@], \
                 from: '2099-01-01T00:00:00Z', until: '2100-01-01T00:00:00Z' }",
            ),
        ],
    ),
    list("consents", &[("consents", "{ name: c@, issuer: idp, client_id: c, authentication: none, scope: api }")]),
    list(
        "callers of consents",
        &[
            ("consents", "{ name: c@, issuer: idp, client_id: c, authentication: none, scope: api }"),
            ("consent_callers", "{ name: x@, issuer: idp, application: a@, consents: [c@], tokens: true }"),
        ],
    ),
    list(
        "transmitters",
        &[
            ISSUERS,
            (
                "security_events:\n  transmitters",
                "{ name: t@, issuer: idp@, audience: 'https://gateway.example/events' }",
            ),
        ],
    ),
    list("trusted proxies", &[("trusted_proxies", "10.0.0.0/8")]),
];

#[test]
#[ignore = "takes minutes"]
fn reading_any_long_list_takes_time_in_step_with_its_length() {
    let mut slow = Vec::new();
    for list in LISTS {
        let measured = (0..ATTEMPTS).map(|_| growth(list));
        // One good attempt is enough: nothing makes a pass over every pair cheap.
        let bad: Vec<f64> = measured.take_while(|times| *times > MOST).collect();
        if bad.len() == ATTEMPTS {
            slow.push((list.name, bad));
        }
    }
    assert!(slow.is_empty(), "{TIMES} times the entries cost so many times as much: {slow:?}");
}
