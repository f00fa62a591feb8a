//! How people sign in, from the file to what is used.

mod asks;
mod client;
mod issuer;
mod keep;
mod place;
mod templates;
mod tenants;
mod times;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::issuer_names::ByName;
use super::problem::Problems;
use super::values::name;
use super::{Issuer, file};
use crate::pages::Pages;
use crate::session::{CookieName, Display, LogoutSettings, SignInSettings, WantedClaim};
use mfa_gateway_keys::{KeyLocation, KeySettings};
use mfa_gateway_store::SealingKeys;

pub(super) use asks::version;
pub(super) use client::is_scope;
pub(super) use issuer::{of_endpoint, written};
pub(super) use place::{Place, places};

/// What is built before the sign-ins, and what they refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built<'b> {
    pub(super) file: &'b file::File,
    pub(super) places: &'b [Place],
    pub(super) issuers: &'b [Issuer],
    pub(super) keys: &'b [KeySettings],
}

/// Builds the sign-ins. One with problems is left out.
pub(super) fn build(built: Built<'_>, problems: &mut Problems<'_>) -> Vec<SignInSettings> {
    let files = &built.file.sign_in;
    let mut names = HashSet::new();
    let (issuers, routes) = (ByName::of(built.issuers), routes(built));
    let mut settings = Vec::new();
    for (at, (one, place)) in files.iter().zip(built.places).enumerate() {
        let path = format!("sign_in[{at}]");
        name(&path, &one.name, problems);
        if !names.insert(&one.name) {
            problems.add(&format!("{path}.name"), "another sign-in has this name", "give each sign-in its own name");
        }
        let asked = routes.get(one.name.as_str()).copied().unwrap_or_default();
        settings.extend(build_one(&path, (one, place), (&issuers, asked), built, problems));
    }
    settings
}

/// The files that sign-ins are read from.
pub(super) fn files(files: &[file::SignIn]) -> Vec<PathBuf> {
    let of_one = |one: &file::SignIn| {
        let keys = one.session.keys.iter().flatten();
        let templates =
            one.pages.iter().flat_map(|directory| Pages::names().map(|name| Path::new(directory).join(name)));
        one.credentials().files().chain(keys.map(PathBuf::from)).chain(templates).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_one).collect()
}

fn build_one(
    path: &str,
    (file, place): (&file::SignIn, &Place),
    (issuers, asked): (&ByName<'_>, Asked),
    built: Built<'_>,
    problems: &mut Problems<'_>,
) -> Option<SignInSettings> {
    let at = issuer::place(path, file, issuers, problems);
    let issuer = at.and_then(|at| built.issuers.get(at));
    if let Some(issuer) = issuer {
        issuer::check_audience(path, file, issuer, built.file, problems);
    }
    let public = place::public(path, &file.public_url, problems);
    if public.as_ref().is_some_and(|url| url.scheme() == "https") {
        check_tls(path, built.file, place.for_operators, problems);
    }
    let times = times::read(path, file, asked.forwards, problems);
    let keys = issuer.and_then(|issuer| built.keys.get(issuer.keys));
    if keys.is_some_and(|keys| !matches!(keys.location, KeyLocation::Discovery { .. })) {
        let message = "the issuer's endpoints stand in its discovery document, and the issuer has only keys";
        problems.add(
            &format!("{path}.issuer"),
            message,
            "remove `jwks_uri` or `jwks_file` there, or write `discovery`",
        );
    }
    let client = client::read(path, file, keys, times.refresh.is_some(), problems);
    let asks = asks::read(&format!("{path}.asks"), &file.asks, problems);
    let step_up = asks::step_up(path, file, issuer, problems);
    let logout = LogoutSettings {
        of_issuer: file.logout.at_issuer.unwrap_or(true),
        back_channel: file.logout.back_channel.unwrap_or(true),
        front_channel: file.logout.front_channel.unwrap_or(true),
    };
    let tenants = issuer.and_then(|issuer| tenants::read(path, file, (issuer, keys), problems));
    let templates = file.pages.as_deref().map(|directory| templates::read(path, directory, problems));
    Some(SignInSettings {
        name: file.name.clone(),
        for_operators: place.for_operators,
        issuer: at?,
        product: issuer?.profile.product,
        public: public?,
        base_path: place.base_path.clone(),
        callback: place.callback.clone(),
        client,
        tenants,
        step_up: asks.and(&step_up),
        asks,
        cookie: CookieName::new(&place.cookie),
        times,
        display: Display {
            name: file.session.display.contains(&file::Display::Name),
            email: file.session.display.contains(&file::Display::Email),
        },
        keep: keep::of(issuer?),
        keys: sealing_keys(path, file, problems),
        wants: wants(built, &file.name, asked, logout),
        logout,
        templates: templates.unwrap_or_default(),
    })
}

/// What the routes of a sign-in ask of it.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// One of them forwards the access token.
    forwards: bool,
    /// One of them wants a sign-in that is no older.
    fresh: bool,
}

/// What the routes ask of each sign-in, by its name. A route that names none takes the sessions of the only one.
fn routes(built: Built<'_>) -> HashMap<&str, Asked> {
    let mut of_routes = built.places.iter().filter(|place| !place.for_operators);
    let only = of_routes.next().filter(|_| of_routes.next().is_none()).map(|place| place.name.as_str());
    let mut asked: HashMap<&str, Asked> = HashMap::new();
    for route in built.file.routes.iter().filter(|route| route.takes() != file::Credential::Bearer) {
        let Some(name) = route.sign_in.as_deref().or(only) else { continue };
        let asked = asked.entry(name).or_default();
        asked.forwards |= route.authorization == Some(file::Authorization::Forward);
        asked.fresh |= route.max_age.is_some();
    }
    asked
}

/// What its ID tokens should have for what is configured.
fn wants(built: Built<'_>, name: &str, asked: Asked, logout: LogoutSettings) -> Vec<WantedClaim> {
    let authentication = built.file.admin.as_ref().and_then(|admin| admin.authentication.as_ref());
    let of_operators = authentication.and_then(|one| one.sign_in.as_ref()).filter(|one| one.name == name);
    let fresh = asked.fresh || of_operators.is_some_and(|operators| operators.max_age.is_some());
    let auth_time = WantedClaim { claim: "auth_time", without: "no sign-in is recent enough where `max_age` is set" };
    let sid = WantedClaim { claim: "sid", without: "the issuer can end all sessions of a user, and not one alone" };
    let by_sid = logout.back_channel || logout.front_channel;
    [(fresh, auth_time), (by_sid, sid)].into_iter().filter_map(|(wanted, claim)| wanted.then_some(claim)).collect()
}

/// Browsers send the cookie over TLS alone, which something must end.
fn check_tls(path: &str, file: &file::File, for_operators: bool, problems: &mut Problems<'_>) {
    let mut listeners: Vec<_> = file.listeners.iter().map(|one| (one.address.as_str(), one.tls.is_some())).collect();
    if for_operators {
        listeners = file.admin.iter().map(|admin| (admin.address.as_str(), admin.tls.is_some())).collect();
    }
    let has_tls = listeners.iter().any(|(_, has_tls)| *has_tls);
    let local = |address: &str| address.starts_with("127.") || address.starts_with("[::1]");
    let in_front = !file.trusted_proxies.is_empty() || listeners.iter().all(|(address, _)| local(address));
    if !has_tls && !in_front {
        let message = "browsers use https here, and no listener has TLS";
        let fix = "add `tls` to a listener, or list the proxy that ends TLS in `trusted_proxies`";
        problems.warn(&format!("{path}.public_url"), message, fix);
    }
}

fn sealing_keys(path: &str, file: &file::SignIn, problems: &mut Problems<'_>) -> Option<SealingKeys> {
    let files: Vec<PathBuf> = file.session.keys.as_ref()?.iter().map(PathBuf::from).collect();
    let keys = SealingKeys::read(&files);
    keys.map_err(|error| {
        let fix = "write one key into each file, for the gateway's user alone: `openssl rand -base64 32 > session.key`";
        problems.add(&format!("{path}.session.keys"), error.to_string(), fix);
    })
    .ok()
}
