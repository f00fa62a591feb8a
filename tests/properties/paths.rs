//! However a path is spelt, and however a backend reads it, no reading leads around a stricter route.
//!
//! The readings here are written anew, from what servers are known to do, and not taken from the gateway.

use std::collections::BTreeSet;

use http::Method;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use mfa_gateway::routing::{Pattern, Route, RouteTable};
use mfa_gateway_core::policy::Requirement;
use proptest::prelude::*;

use super::config;

const MFA: Requirement = Requirement::Mfa { max_age: None };

/// Patterns that differ in the ways that readings blur.
fn patterns() -> Vec<Pattern> {
    let prefixes = ["/", "/v1/", "/v1/admin/", "/Static/", "/v1/a.b/", "/v1/a%20b/", "/v1/kelvin/", "/passes/files/"];
    let exact = ["/healthz", "/v1/public", "/v1/caf%C3%A9", "/v1/admin/open", "/", "/V1/Sub"];
    let prefixes = prefixes.map(|path| Pattern::Prefix(path.to_owned()));
    prefixes.into_iter().chain(exact.map(|path| Pattern::Exact(path.to_owned()))).collect()
}

fn any_routes() -> impl Strategy<Value = Vec<Route>> {
    let requirement = prop::sample::select(vec![Requirement::Public, Requirement::Authenticated, MFA]);
    let one = (prop::sample::select(patterns()), requirement);
    prop::collection::vec(one, 2..6).prop_map(|list| {
        let mut routes: Vec<Route> = Vec::new();
        for (pattern, requirement) in list {
            if !routes.iter().any(|route| route.pattern == pattern) {
                routes.push(Route::new(pattern, requirement.into()));
            }
        }
        // A route may forward unusual forms if there is no other rule below it.
        let below = |own: &Route, other: &Route| {
            let stem = own.pattern.as_written().trim_end_matches('/').to_lowercase();
            other.pattern.as_written().to_lowercase().starts_with(&stem) && strictness(own) != strictness(other)
        };
        let all = routes.clone();
        for route in &mut routes {
            route.forward_encoded = !all.iter().any(|other| below(route, other));
        }
        routes
    })
}

/// A change of spelling, at some place of the path.
const CHANGES: [&str; 44] = [
    "encode",
    "encode",
    "encode twice",
    "capital",
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
    "%c0%af",
    "%e2%84%aa",
    "%ef%bc%8f",
    // Yen and won signs are backslashes in Japan and Korea, an acute accent is a slash in Greece.
    "%c2%a5",
    "%e2%82%a9",
    "%c2%b4",
    "%e2%88%95",
    "%e2%88%96",
    "%c2%bf",
    "%23",
    "%3f",
    "...",
    "%c2%b7",
    "%e2%80%a6",
    "%ef%bc%852f",
    "%2541",
    "%e2%80%8b",
    ":x",
    "+",
    "[",
    // Letters of which a fold, a normalisation or a code page makes other ones.
    "ss",
    "fi",
    "i",
    "a",
    "d",
];

/// Routes, and a path that begins as one of their patterns or as any other, spelt anew in up to three ways.
fn any_case() -> impl Strategy<Value = (Vec<Route>, String)> {
    let segment = prop::sample::select(vec![
        "v1",
        "admin",
        "healthz",
        "Static",
        "caf%C3%A9",
        "a b",
        "a.b",
        "kelvin",
        "Sub",
        "..",
    ]);
    let changes = prop::collection::vec((prop::sample::select(CHANGES.to_vec()), any::<prop::sample::Index>()), 1..4);
    let other = prop::collection::vec(segment.clone(), 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
    let more = prop::option::of(segment);
    (any_routes(), any::<prop::sample::Index>(), prop::option::weighted(0.2, other), more, changes).prop_map(
        |(routes, at, other, more, changes)| {
            let mut path = other.unwrap_or_else(|| at.get(&routes).pattern.as_written().to_owned());
            if let Some(more) = more {
                path = format!("{}/{more}", path.trim_end_matches('/'));
            }
            for (change, at) in changes {
                path = changed(&path, change, at.index(path.chars().count()));
            }
            (routes, path)
        },
    )
}

pub(super) fn changed(path: &str, change: &str, at: usize) -> String {
    let mut chars: Vec<String> = path.chars().map(String::from).collect();
    let char = chars[at].clone();
    let encoded = char.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    match change {
        "encode" => chars[at] = encoded,
        "encode twice" => chars[at] = encoded.replace('%', "%25"),
        "capital" => chars[at] = char.to_uppercase(),
        "small" => chars[at] = char.to_lowercase(),
        "." | "%20" | "/" | "%00" if at.is_multiple_of(2) => chars.push(change.to_owned()),
        "ss" | "fi" | "i" | "a" | "d" => {
            let like = match change {
                "ss" => "%e1%ba%9e",
                "fi" => "%ef%ac%81",
                "i" => ["%c4%b1", "%c4%b0"][at % 2],
                "a" => ["%ce%b1", "%c3%a0", "%ef%bd%81"][at % 3],
                _ => ["%c3%b0", "%c4%91", "%e2%99%aa"][at % 3],
            };
            return path.replacen(change, like, 1);
        }
        // The Kelvin sign and the long s become k and S when letter case is folded.
        "%e2%84%aa" | "%c5%bf" => {
            let like = if change == "%c5%bf" { "s" } else { "k" };
            chars.iter_mut().filter(|char| char.eq_ignore_ascii_case(like)).for_each(|char| change.clone_into(char));
        }
        insert => chars.insert(at + 1, insert.to_owned()),
    }
    chars.concat()
}

/// What some server makes of a path: one step.
fn steps(path: &str) -> Vec<String> {
    let segments = |each: &dyn Fn(&str) -> String| path.split('/').map(each).collect::<Vec<_>>().join("/");
    vec![
        decoded(path),
        path.replace('\\', "/"),
        without_empty_segments(path),
        without_dot_segments(path),
        segments(&|segment| segment.split(';').next().unwrap_or_default().to_owned()),
        segments(&|segment| segment.trim_end_matches(['.', ' ']).to_owned()),
        segments(&|segment| segment.trim().to_owned()),
        path.trim_end_matches('/').to_owned(),
        path.trim().to_owned(),
        path.split(['?', '#', '\0']).next().unwrap_or_default().to_owned(),
        path.replace("%c0%af", "/").replace("%c0%ae", "."),
        segments(&|segment| segment.split(':').next().unwrap_or_default().to_owned()),
        path.split(';').next().unwrap_or_default().to_owned(),
        path.replace('+', " "),
        path.chars().filter(|char| !matches!(char, '\u{ad}' | '\u{200b}')).collect(),
        NFKC.normalize(path).into_owned(),
        NFKD.normalize(path).chars().filter(|char| MARKS.get_u8(*char) == 0).collect(),
        path.chars().map(|char| if char.is_ascii() { char.into() } else { folded(char) }).collect(),
    ]
    .into_iter()
    .chain(CODE_PAGES.map(|page| path.chars().map(|char| best_fit(page, char)).collect()))
    .collect()
}

fn folded(char: char) -> String {
    char.to_string().to_lowercase().to_uppercase().to_lowercase()
}

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const MARKS: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();

const CODE_PAGES: [u16; 7] = [1251, 1252, 1253, 932, 949, 850, 437];

/// What some code pages of Windows make of some characters that they lack.
fn best_fit(page: u16, char: char) -> char {
    match (page, char) {
        (932, '¥') | (949, '₩') | (1252 | 437, '∖') => '\\',
        (1252 | 437 | 850, '∕') | (1253, '´') | (850, '∖') => '/',
        (932, '¿') => '?',
        (1251, '·' | '…') => '.',
        (1252 | 437, 'α') | (932 | 1251, 'à') => 'a',
        (932, 'ð') | (1251, '♪') | (1252, 'đ') => 'd',
        (850 | 437, 'ı') => 'i',
        (1252, '\u{ff01}'..='\u{ff5e}') => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
        _ => char,
    }
}

/// What servers make of a path: up to four steps in any order.
pub(super) fn readings(path: &str) -> BTreeSet<String> {
    let (mut all, mut new) = (BTreeSet::from([path.to_owned()]), vec![path.to_owned()]);
    for _ in 0..4 {
        // Without any slash left, it is the root.
        let next: BTreeSet<_> = new.iter().flat_map(|path| steps(path)).filter(|path| !path.is_empty()).collect();
        new = next.into_iter().filter(|reading| all.insert(reading.clone())).collect();
    }
    all
}

pub(super) fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = path.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(hex) = hex.filter(|_| bytes[at] == b'%') {
            out.push(u8::from_str_radix(hex, 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn without_empty_segments(path: &str) -> String {
    let mut out = String::new();
    for char in path.chars().filter(|char| *char != '\0') {
        if !(char == '/' && out.ends_with('/')) {
            out.push(char);
        }
    }
    out
}

fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/").trim_start_matches('/'))
}

/// The route that a plain reading of the table gives: the exact path, else the longest prefix by whole segments.
fn plainly<'r>(routes: &'r [Route], path: &str, read: &dyn Fn(&str) -> String) -> Option<&'r Route> {
    let path = read(path);
    let exact = routes.iter().find(|route| matches!(&route.pattern, Pattern::Exact(own) if read(own) == path));
    let under = |own: &str| {
        let own = read(own.trim_end_matches('/'));
        (path == own || path.starts_with(&format!("{own}/"))).then_some(own.len())
    };
    let longest = routes.iter().filter_map(|route| match &route.pattern {
        Pattern::Prefix(own) => Some((under(own)?, route)),
        Pattern::Exact(_) => None,
    });
    exact.or_else(|| longest.max_by_key(|(length, _)| *length).map(|(_, route)| route))
}

fn strictness(route: &Route) -> u8 {
    match route.rule.requirement {
        Requirement::Public => 0,
        Requirement::Authenticated => 1,
        Requirement::Mfa { .. } => 2,
    }
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn s19_no_reading_of_an_accepted_path_belongs_to_a_stricter_route((routes, path) in any_case()) {
        let table = RouteTable::new(routes.clone());
        if let Ok(route) = table.find(&path, &Method::GET) {
            // Backends compare paths as they came, decoded, or without regard to letter case.
            let as_is = |path: &str| path.to_owned();
            let small = |path: &str| decoded(path).to_lowercase();
            let capital = |path: &str| decoded(path).to_uppercase();
            let compare: [&dyn Fn(&str) -> String; 4] = [&as_is, &decoded, &small, &capital];
            for reading in readings(&path) {
                for read in compare {
                    if let Some(other) = plainly(&routes, &reading, read) {
                        prop_assert!(
                            strictness(route) >= strictness(other),
                            "{path} is {:?}, and {reading:?} is {:?}", route.pattern, other.pattern
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn an_accepted_path_gets_the_route_that_stands_in_the_file((routes, path) in any_case()) {
        let table = RouteTable::new(routes.clone());
        if let Ok(route) = table.find(&path, &Method::GET) {
            let expected = plainly(&routes, &path, &str::to_owned).unwrap();
            prop_assert_eq!(&route.pattern, &expected.pattern);
        }
    }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn an_ordinary_path_is_accepted_where_all_routes_ask_the_same(
        patterns in prop::collection::vec(prop::sample::select(patterns()), 1..6), path in "(/[a-zA-Z0-9_~.-]{0,3}[a-z]){1,4}/?"
    ) {
        let mut routes: Vec<Route> = patterns.into_iter().map(|pattern| Route::new(pattern, MFA.into())).collect();
        routes.push(Route::new(Pattern::Prefix("/".to_owned()), MFA.into()));
        prop_assert!(RouteTable::new(routes).find(&path, &Method::GET).is_ok(), "{path}");
    }
}
