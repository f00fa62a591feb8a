//! However a path is spelt, it reaches no customer but the one that it was judged for.

use http::Method;
use mfa_gateway::routing::{Pattern, Route, RouteTable};
use mfa_gateway_core::policy::{Context, Requirement, Rule};
use proptest::prelude::*;

use super::config;
use super::paths::{changed, decoded, readings};

const MFA: Requirement = Requirement::Mfa { max_age: None };

const CUSTOMERS: [&str; 3] = [
    "11111111-1111-4111-8111-111111111111",
    "a2a2a2a2-2222-4222-8222-222222222222",
    "fabcdefa-3333-4333-8333-3333333333ef",
];

/// Patterns whose segments name customers at several places, and others beside and below them.
const PATTERNS: [&str; 11] = [
    "prefix /",
    "prefix /v1/",
    "prefix /v1/customers/",
    "path /v1/customers/search",
    "prefix /v1/customers/{customer}/",
    "path /v1/customers/{customer}",
    "prefix /v1/customers/{customer}/orders/",
    "prefix /v1/{kind}/{customer}/",
    "prefix /{version}/customers/{customer}/orders/{order}",
    "path /v1/customers/{other}/users/{customer}/",
    "prefix /v1/customers/{other}/moved/{customer}/",
];

fn pattern(text: &str) -> Pattern {
    let (kind, written) = text.split_once(' ').unwrap();
    if kind == "path" { Pattern::Exact(written.to_owned()) } else { Pattern::Prefix(written.to_owned()) }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The place of the customer in a pattern.
fn place(pattern: &Pattern) -> Option<usize> {
    segments(written(pattern)).iter().position(|segment| *segment == "{customer}")
}

fn written(pattern: &Pattern) -> &str {
    match pattern {
        Pattern::Exact(written) | Pattern::Prefix(written) => written,
    }
}

fn any_routes() -> impl Strategy<Value = Vec<Route>> {
    let one = (prop::sample::select(PATTERNS.to_vec()), any::<bool>());
    prop::collection::vec(one, 1..6).prop_map(|list| {
        let mut routes: Vec<Route> = Vec::new();
        for (text, asks) in list {
            let pattern = pattern(text);
            let customer_at = place(&pattern).filter(|_| asks);
            let context = if customer_at.is_some() { Context::Customer } else { Context::Any };
            if !routes.iter().any(|route| route.pattern == pattern) {
                routes.push(Route { customer_at, ..Route::new(pattern, Rule { context, ..MFA.into() }) });
            }
        }
        routes
    })
}

const CHANGES: [&str; 26] = [
    "encode",
    "encode",
    "encode twice",
    "capital",
    "small",
    "/./",
    "/x/../",
    "//",
    "\\",
    "%5c",
    "%2f",
    "%252f",
    ";a=b",
    "..;/",
    ".",
    "%20",
    "/",
    "%00",
    "%e2%88%95",
    "%c2%a5",
    "%e2%82%a9",
    "%e2%88%96",
    "%23",
    ":x",
    "+",
    "i",
];

fn any_case() -> impl Strategy<Value = (Vec<Route>, String)> {
    let value = prop::sample::select(vec![CUSTOMERS[0], CUSTOMERS[1], CUSTOMERS[2], "search", "contoso.com", "~"]);
    let values = prop::collection::vec(value, 4);
    let more = prop::collection::vec(
        prop::sample::select(vec!["orders", "users", "moved", CUSTOMERS[0], CUSTOMERS[1], "x", ".."]),
        0..4,
    );
    let changes = prop::collection::vec((prop::sample::select(CHANGES.to_vec()), any::<prop::sample::Index>()), 0..3);
    (any_routes(), prop::sample::select(PATTERNS.to_vec()), values, more, changes).prop_map(
        |(routes, text, values, more, changes)| {
            let mut values = values.into_iter();
            let pattern = pattern(text);
            let named = segments(written(&pattern))
                .into_iter()
                .map(|segment| if segment.starts_with('{') { values.next().unwrap() } else { segment });
            let mut path = format!("/{}", named.chain(more).collect::<Vec<_>>().join("/"));
            for (change, at) in changes {
                path = changed(&path, change, at.index(path.chars().count()));
            }
            (routes, path)
        },
    )
}

/// Whether a plain reading of a pattern matches a path, segment by segment.
fn matches(pattern: &Pattern, path: &str, read: &dyn Fn(&str) -> String) -> bool {
    let (own, given) = (segments(written(pattern)), path.trim_start_matches('/').trim_end_matches('/').split('/'));
    let given: Vec<&str> = given.filter(|_| path != "/").collect();
    let is_long = match pattern {
        Pattern::Prefix(_) => given.len() >= own.len(),
        Pattern::Exact(written) => given.len() == own.len() && path.ends_with('/') == written.ends_with('/'),
    };
    let same = |(own, given): (&&str, &&str)| {
        if own.starts_with('{') { !given.is_empty() } else { read(own) == read(given) }
    };
    path.starts_with('/') && is_long && own.iter().zip(&given).all(same)
}

/// The route that comes first: what is written before a parameter, more before fewer, and an exact path before a prefix.
fn plainly<'r>(routes: &'r [Route], path: &str, read: &dyn Fn(&str) -> String) -> Option<&'r Route> {
    let rank = |route: &&Route| {
        let kinds: Vec<bool> = segments(written(&route.pattern)).iter().map(|one| !one.starts_with('{')).collect();
        (kinds, matches!(route.pattern, Pattern::Exact(_)))
    };
    routes.iter().filter(|route| matches(&route.pattern, path, read)).max_by_key(rank)
}

/// The customer whose data a server takes a path of this route to be about.
fn served<'p>(route: &Route, path: &'p str) -> Option<&'p str> {
    // Leading slashes are one, as for `matches`.
    path.trim_start_matches('/').split('/').nth(route.customer_at?)
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn s19_no_reading_of_an_accepted_path_is_about_another_customer((routes, path) in any_case()) {
        let table = RouteTable::new(routes.clone());
        if let Ok(route) = table.find(&path, &Method::GET) {
            let judged = route.customer(&path);
            prop_assert_eq!(judged.is_some(), route.rule.context == Context::Customer);
            let as_is = |path: &str| path.to_owned();
            let small = |path: &str| decoded(path).to_lowercase();
            let compare: [&dyn Fn(&str) -> String; 3] = [&as_is, &decoded, &small];
            for reading in readings(&path) {
                for read in compare {
                    let Some(other) = plainly(&routes, &reading, read) else { continue };
                    if let Some(customer) = served(other, &reading) {
                        prop_assert!(
                            judged.is_some_and(|judged| read(judged).eq_ignore_ascii_case(&read(customer))),
                            "{path} is judged for {judged:?}, and {reading:?} is about {customer}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn an_accepted_path_gets_the_route_that_comes_first((routes, path) in any_case()) {
        let table = RouteTable::new(routes.clone());
        if let Ok(route) = table.find(&path, &Method::GET) {
            let expected = plainly(&routes, &path, &str::to_owned).unwrap();
            prop_assert_eq!(&route.pattern, &expected.pattern);
        }
    }
}

/// Found by the property above, at one in many runs.
#[test]
fn s19_a_code_page_that_lacks_one_of_two_characters_hides_no_customer() {
    let plain = Route::new(pattern("prefix /"), MFA.into());
    let rule = Rule { context: Context::Customer, ..MFA.into() };
    let named = Route::new(pattern("prefix /v1/customers/{other}/moved/{customer}/"), rule);
    let table = RouteTable::new(vec![plain, Route { customer_at: Some(4), ..named }]);
    for char in ["%c2%a5", "%e2%82%a9"] {
        let path = format!("/v1/customers{char}/1%e2%88%951/moved/{}", CUSTOMERS[0]);
        assert!(table.find(&path, &Method::GET).is_err(), "{path}");
    }
}

#[test]
fn a_customer_is_named_by_an_id_as_it_is_written() {
    let route = |text: &str, customer_at: Option<usize>| {
        let context = if customer_at.is_some() { Context::Customer } else { Context::Any };
        Route { customer_at, ..Route::new(pattern(text), Rule { context, ..MFA.into() }) }
    };
    let table = RouteTable::new(vec![
        route("prefix /v1/", None),
        route("prefix /v1/customers/{customer}/", Some(2)),
        route("path /v1/customers/search", None),
    ]);
    let [own, other, _] = CUSTOMERS;
    for path in [format!("/v1/customers/{own}"), format!("/v1/customers/{}/x", other.to_uppercase())] {
        let found = table.find(&path, &Method::GET).unwrap();
        assert!(found.customer(&path).unwrap().eq_ignore_ascii_case(path.split('/').nth(3).unwrap()));
    }
    assert_eq!(table.find("/v1/customers/search", &Method::GET).unwrap().customer_at, None);
    for value in [
        "contoso.com",
        "%31",
        "search%20",
        "Search",
        "x",
        "~1",
        &own.replacen('1', "%31", 1),
        &format!("{own}."),
        &format!("{own}%20"),
        &format!("{own}:x"),
        &format!("{own};x"),
        &format!("{own}%2f..%2f{other}"),
        &format!("{own}/../{other}"),
        &format!("{own}/..;/{other}"),
        &format!("{own}/%2e%2e/{other}"),
        &format!("{own}/..%5c{other}"),
        &format!("/{own}"),
        &format!("./{own}"),
        &format!("%2e/{own}"),
        &format!("{own}x"),
        &own.replace('-', ""),
        &format!("{{{own}}}"),
    ] {
        let path = format!("/v1/customers/{value}/x");
        assert!(table.find(&path, &Method::GET).is_err(), "{path}");
    }
    // What only looks like the fixed part leads around nothing.
    for path in
        [format!("/v1/Customers/{own}/x"), format!("/v1/%63ustomers/{own}/x"), format!("/v1/customers./{own}/x")]
    {
        assert!(table.find(&path, &Method::GET).is_err(), "{path}");
    }
}
