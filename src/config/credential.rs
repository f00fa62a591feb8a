//! Which credential a route takes: tokens, sessions of people who signed in, or either.

use super::file;
use super::problem::Problems;
use super::sign_in::Place;
use super::suggest::suggest;
use crate::routing::{Pattern, SessionUse, SignInId};

/// Reads how a route takes sessions, if it does.
pub(super) fn build(
    path: &str,
    file: &file::Route,
    places: &[Place],
    problems: &mut Problems<'_>,
) -> Option<SessionUse> {
    check_token_cookie(path, file, places, problems);
    if file.takes() == file::Credential::Bearer {
        let of_sessions = [
            ("sign_in", file.sign_in.is_some()),
            ("shared_cache", file.shared_cache),
            ("counts_as_use", file.counts_as_use.is_some()),
        ];
        for (field, _) in of_sessions.into_iter().filter(|(_, is_set)| *is_set) {
            let message = "this is for sessions, and the route takes tokens";
            problems.add(&format!("{path}.{field}"), message, "add `credential: session`, or remove the field");
        }
        return None;
    }
    check_either(path, file, problems);
    check_browser(path, file, problems);
    Some(SessionUse {
        sign_in: SignInId(sign_in(path, file, places, problems)?),
        or_token: file.takes() == file::Credential::Either,
        shared_cache: file.shared_cache,
        counts_as_use: file.counts_as_use.unwrap_or(true),
    })
}

/// Whether the upstream receives the token, or the session's: with sessions only if the route says so.
pub(super) fn forwards_token(file: &file::Route) -> bool {
    if file.consent().is_some() {
        return false;
    }
    match file.authorization {
        Some(authorization) => authorization == file::Authorization::Forward,
        None => file.takes() == file::Credential::Bearer,
    }
}

/// The place of the sign-in: the named one, or the only one.
fn sign_in(path: &str, file: &file::Route, places: &[Place], problems: &mut Problems<'_>) -> Option<usize> {
    let of_routes = places.iter().enumerate().filter(|(_, place)| !place.for_operators);
    let (indices, names): (Vec<usize>, Vec<&str>) = of_routes.map(|(at, place)| (at, place.name.as_str())).unzip();
    let for_operators = |name: &String| places.iter().any(|place| place.for_operators && place.name == *name);
    let (field, message, fix) = match (&file.sign_in, &*names) {
        (_, []) => {
            let fix = "add `sign_in`, or write `credential: bearer`";
            ("credential", "the route takes sessions, and there is no `sign_in`".to_owned(), fix.to_owned())
        }
        (Some(name), _) => match names.iter().position(|known| known == name) {
            Some(place) => return indices.get(place).copied(),
            None if for_operators(name) => {
                let fix = "name another, or remove it from `admin.authentication.sign_in`";
                ("sign_in", format!("the sign-in `{name}` is for operators, on the admin listener"), fix.to_owned())
            }
            None => ("sign_in", format!("there is no sign-in `{name}`"), suggest(name, &names)),
        },
        (None, [_]) => return indices.first().copied(),
        (None, _) => {
            let fix = format!("write `sign_in: {}`, or another of {}", names[0], names.join(", "));
            ("credential", "there are several sign-ins, and the route names none".to_owned(), fix)
        }
    };
    problems.add(&format!("{path}.{field}"), message, fix);
    None
}

fn check_either(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    if file.takes() == file::Credential::Either && file.require == file::Require::Public {
        let message = "on a public route, the gateway reads no token";
        problems.add(&format!("{path}.credential"), message, "write `credential: session`, or another `require`");
    }
}

/// What contradicts a credential that browsers send by themselves.
fn check_browser(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    let only_sessions = file.takes() == file::Credential::Session;
    if only_sessions && file.token_from.is_some() {
        let message = "the route takes no tokens: a session is in the gateway's own cookie";
        problems.add(&format!("{path}.token_from"), message, "remove it, or write `credential: either`");
    }
    if file.cors.as_ref().is_some_and(|cors| only_sessions || cors.credentials) {
        let message = "pages of other origins could act for people who signed in";
        let fix = "remove `cors`, or give those pages a route of their own with `credential: bearer`";
        problems.add(&format!("{path}.cors"), message, fix);
    }
    if only_sessions && file.at_expiry == file::AtExpiry::Close {
        let message = "a session ends its WebSockets by itself, and there is no token that could expire";
        problems.add(&format!("{path}.at_expiry"), message, "remove it");
    }
}

/// The gateway takes its own cookies out of every request, so that no token can be in them.
fn check_token_cookie(path: &str, file: &file::Route, places: &[Place], problems: &mut Problems<'_>) {
    let Some(file::TokenFrom::Other(file::OtherPlace { cookie: Some(cookie), .. })) = &file.token_from else {
        return;
    };
    if let Some(at) = places.iter().position(|place| place.owns_cookie(cookie)) {
        let message = format!("this is a cookie of `sign_in[{at}]`, which the gateway keeps for itself");
        problems.add(&format!("{path}.token_from"), message, "name another cookie, or set `session.cookie` there");
    }
}

/// A route behind the gateway's own pages would never be reached.
pub(super) fn check_reach(path: &str, pattern: &Pattern, places: &[Place], problems: &mut Problems<'_>) {
    if let Some(at) = places.iter().position(|place| place.hides(pattern)) {
        let message =
            format!("the gateway's own pages of `sign_in[{at}]` are at this path, so no request reaches the route");
        problems.add(path, message, "give the route another path, or set `base_path` or `redirect` of the sign-in");
    }
}
