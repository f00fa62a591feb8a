//! Where a sign-in is: the origin that browsers see, and the gateway's own paths there.

use url::Url;

use crate::config::file;
use crate::config::problem::Problems;
use crate::routing::{CanonicalPath, Pattern};
use mfa_gateway_keys::is_loopback;

/// Where the gateway's own pages are.
const BASE_PATH: &str = "/.mfa-gateway/";

/// The names of the gateway's own pages, besides the callback.
const OWN: [&str; 6] = ["sign-in", "sign-out", "signed-out", "sessions", "back-channel-logout", "front-channel-logout"];

/// The cookie's name, without `__Host-`.
const COOKIE: &str = "mfa-gateway";

/// The longest name of a cookie.
const MAX_COOKIE: usize = 64;

/// What a sign-in takes for itself of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Place {
    /// The sign-in's name.
    pub(in crate::config) name: String,
    /// The path of the gateway's own pages, with a slash at either end.
    pub(in crate::config) base_path: String,
    /// The path that the issuer redirects to.
    pub(in crate::config) callback: String,
    /// The cookie's name, without `__Host-`.
    pub(in crate::config) cookie: String,
    /// Whether it is for operators, on the admin listener alone.
    pub(in crate::config) for_operators: bool,
}

/// Reads the places of all sign-ins; each has its own. `operators` names the one of operators.
pub(in crate::config) fn places(
    files: &[file::SignIn],
    operators: Option<&str>,
    problems: &mut Problems<'_>,
) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let path = format!("sign_in[{at}]");
        let for_operators = operators == Some(file.name.as_str());
        let place = Place { for_operators, ..read(&path, file, problems) };
        for (other, before) in places.iter().enumerate() {
            check_apart(&path, &place, other, before, problems);
        }
        places.push(place);
    }
    places
}

fn read(path: &str, file: &file::SignIn, problems: &mut Problems<'_>) -> Place {
    let base_path = file.base_path.as_deref().unwrap_or(BASE_PATH);
    let field = format!("{path}.base_path");
    let base_path = if base_path == "/" || !base_path.ends_with('/') || !is_path(base_path) {
        let message = "this is not a path with a slash at either end, below which the gateway's own pages can be";
        problems.add(&field, message, "write a path that no route has, such as `/.mfa-gateway/`");
        BASE_PATH
    } else {
        base_path
    };
    let callback = file.redirect.clone().unwrap_or_else(|| format!("{base_path}callback"));
    let field = format!("{path}.redirect");
    if !is_path(&callback) || callback.ends_with('/') && callback.len() == 1 {
        let message = "this is not a path of the gateway's own";
        problems.add(&field, message, "write the path of the redirect URI that the issuer knows, such as `/callback`");
    } else if callback.strip_prefix(base_path).is_some_and(|name| OWN.contains(&name) || name.is_empty()) {
        let message = "the gateway has another page of its own at this path";
        problems.add(&field, message, "remove the field, or write another path");
    }
    let (base_path, cookie) = (base_path.to_owned(), cookie(path, file, problems));
    Place { name: file.name.clone(), base_path, callback, cookie, for_operators: false }
}

fn is_path(text: &str) -> bool {
    CanonicalPath::parse(text).and_then(CanonicalPath::unambiguous).is_ok()
}

fn cookie(path: &str, file: &file::SignIn, problems: &mut Problems<'_>) -> String {
    let Some(name) = &file.session.cookie else { return COOKIE.to_owned() };
    let field = format!("{path}.session.cookie");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.to_ascii_lowercase().starts_with("__host-") || name.to_ascii_lowercase().starts_with("__secure-") {
        let message = "the gateway puts `__Host-` before the name by itself";
        problems.add(&field, message, "write the rest of the name, such as `mfa-gateway`");
    } else if name.is_empty() || name.len() > MAX_COOKIE || !name.bytes().all(plain) {
        let message = format!("the name is not 1 to {MAX_COOKIE} letters, digits, dashes or underscores");
        problems.add(&field, message, "choose a short name, such as `mfa-gateway`");
    }
    name.clone()
}

/// Two sign-ins share no path and no cookie: it would be ambiguous whose a request is.
fn check_apart(path: &str, place: &Place, other: usize, before: &Place, problems: &mut Problems<'_>) {
    let lies_in = |one: &str, base: &str| one.starts_with(base);
    let paths = [(&place.base_path, &before.base_path), (&before.base_path, &place.base_path)];
    // Those of operators have a listener of their own. Browsers send cookies to every port of a host, though.
    let together = place.for_operators == before.for_operators;
    if together && paths.into_iter().any(|(one, base)| lies_in(one, base)) {
        let message = format!("`sign_in[{other}]` already has its own pages at `{}`", before.base_path);
        problems.add(&format!("{path}.base_path"), message, "give each sign-in a path of its own, such as `/.staff/`");
    } else if together
        && (place.callback == before.callback
            || lies_in(&place.callback, &before.base_path)
            || lies_in(&before.callback, &place.base_path))
    {
        let message = format!("`sign_in[{other}]` already has this path");
        problems.add(&format!("{path}.redirect"), message, "give each sign-in a path of its own, or remove the field");
    }
    let (one, two) = (place.cookie.to_ascii_lowercase(), before.cookie.to_ascii_lowercase());
    let extends = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('-'));
    // The cookies of sign-ins under way have the name, a dash, and a few characters.
    if one == two || extends(&one, &two) || extends(&two, &one) {
        let message = format!("`sign_in[{other}]` already has cookies of this name, or of one that it begins with");
        problems.add(
            &format!("{path}.session.cookie"),
            message,
            "give each sign-in a name of its own: `cookie: staff`",
        );
    }
}

impl Place {
    /// Whether a cookie's name is one of its own.
    pub(in crate::config) fn owns_cookie(&self, name: &str) -> bool {
        let own = format!("__host-{}", self.cookie.to_ascii_lowercase());
        let rest = name.to_ascii_lowercase().strip_prefix(&own).map(str::to_owned);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// What keeps a route from being reached: the gateway's own pages.
    pub(in crate::config) fn hides(&self, pattern: &Pattern) -> bool {
        !self.for_operators
            && (Pattern::Prefix(self.base_path.clone()).contains(pattern)
                || matches!(pattern, Pattern::Exact(path) if *path == self.callback))
    }
}

/// Reads the origin at which browsers see the gateway.
pub(super) fn public(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Url> {
    const FIX: &str = "write scheme and host as browsers show them: `https://portal.example.com`";
    let field = format!("{path}.public_url");
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let Some(url) = url else {
        problems.add(&field, "this is not an http or https URL", FIX);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        problems.add(&field, "the URL contains a user name or password", FIX);
        return None;
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        problems.add(&field, "this is more than an origin: the gateway's pages are at `base_path`", FIX);
        return None;
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        let message = "browsers send the cookie of a session over https alone";
        problems.add(&field, message, "write `https://…`, and set up TLS on a listener or on a proxy in front");
        return None;
    }
    Some(url)
}
