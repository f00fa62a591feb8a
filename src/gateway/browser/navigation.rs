//! What kind of request a browser makes: only a person who opens a page can be sent to sign in.

use http::header::{ACCEPT, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

use crate::gateway::only::only;

static FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
static REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// What a request can be responded to with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Audience {
    /// A person who opens a page: a redirect, or a page.
    Visitor,
    /// A person who sent a form, or whose page is inside another one: a page, since a redirect would lose the form.
    Reader,
    /// A script, or a part of a page: JSON.
    Script,
}

impl Audience {
    /// Reads a request (Fetch Metadata Request Headers; without them, by what it accepts).
    pub(in crate::gateway) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let mode = only(headers, &FETCH_MODE);
        let is_navigation = match mode {
            Some(mode) => mode == "navigate",
            None if headers.contains_key(&FETCH_MODE) => false,
            None => accepts_html(headers) && !headers.contains_key(&REQUESTED_WITH),
        };
        if !is_navigation {
            return Self::Script;
        }
        let dest = only(headers, &FETCH_DEST);
        let is_document = dest.is_none_or(|dest| dest == "document") && !headers.contains_key(&PURPOSE);
        let is_safe = matches!(*method, Method::GET | Method::HEAD);
        if is_document && is_safe { Self::Visitor } else { Self::Reader }
    }

    /// The same, of a request that says more than what it accepts.
    pub(super) fn stated(method: &Method, headers: &HeaderMap) -> Option<Self> {
        let is_stated = headers.contains_key(&FETCH_MODE) || headers.contains_key(&REQUESTED_WITH);
        is_stated.then(|| Self::of(method, headers))
    }
}

/// Whether the request asks for HTML by name: `*/*` is what scripts send.
fn accepts_html(headers: &HeaderMap) -> bool {
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let is_html = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty()));
        media.eq_ignore_ascii_case("text/html") && !refused
    };
    let mut ranges = ranges;
    ranges.any(is_html)
}

/// Whether a page of this origin made the request: what changes something by a cookie needs that proof, since browsers
/// send cookies whichever page makes the request.
pub(in crate::gateway) fn is_of_own_page(headers: &HeaderMap, origin: &str, websocket: bool) -> bool {
    let site = only(headers, &FETCH_SITE);
    let fetched_here = site.is_some_and(|site| site == "same-origin");
    if headers.contains_key(&FETCH_SITE) && !(fetched_here || site.is_some_and(|site| site == "none")) {
        return false;
    }
    if !headers.contains_key(ORIGIN) {
        return fetched_here && !websocket;
    }
    only(headers, &ORIGIN).is_some_and(|value| value.as_bytes() == origin.as_bytes())
}

/// Whether nothing says that a page of another site made the request: a page with the policy `no-referrer`, as the gateway's
/// own have, names no origin in its forms. That alone is no proof.
pub(super) fn may_be_of_own_page(headers: &HeaderMap) -> bool {
    let unnamed = !headers.contains_key(ORIGIN) || only(headers, &ORIGIN).is_some_and(|origin| origin == "null");
    let here =
        !headers.contains_key(&FETCH_SITE) || only(headers, &FETCH_SITE).is_some_and(|site| site == "same-origin");
    unnamed && here
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn p36_only_a_person_who_opens_a_page_is_a_visitor() {
        let of = |method: Method, fields: &[(&'static str, &'static str)]| Audience::of(&method, &headers(fields));
        let navigates = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", "*/*")];
        assert_eq!(of(Method::GET, &navigates), Audience::Visitor);
        assert_eq!(of(Method::HEAD, &navigates), Audience::Visitor);
        assert_eq!(of(Method::POST, &navigates), Audience::Reader);
        assert_eq!(of(Method::GET, &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]), Audience::Reader);
        let prefetch = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-purpose", "prefetch")];
        assert_eq!(of(Method::GET, &prefetch), Audience::Reader);
        for mode in ["cors", "no-cors", "same-origin", "websocket"] {
            let fields = [("sec-fetch-mode", mode), ("accept", "text/html")];
            assert_eq!(of(Method::GET, &fields), Audience::Script, "{mode}");
        }
        assert_eq!(of(Method::GET, &[("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "cors")]), Audience::Script);
        // Without fetch metadata.
        assert_eq!(of(Method::GET, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]), Audience::Visitor);
        assert_eq!(of(Method::POST, &[("accept", "text/html")]), Audience::Reader);
        for accept in ["*/*", "application/json", "text/*", "text/html;q=0", "image/avif,image/webp,*/*;q=0.8", ""] {
            assert_eq!(of(Method::GET, &[("accept", accept)]), Audience::Script, "{accept}");
        }
        let old_script = [("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")];
        assert_eq!(of(Method::GET, &old_script), Audience::Script);
        assert_eq!(of(Method::GET, &[]), Audience::Script);
    }

    #[test]
    fn p29_what_changes_something_needs_proof_of_the_own_origin() {
        let own = "https://portal.example";
        let of = |fields: &[(&'static str, &'static str)], websocket| is_of_own_page(&headers(fields), own, websocket);
        for good in [
            &[("origin", own)][..],
            &[("origin", own), ("sec-fetch-site", "same-origin")],
            &[("origin", own), ("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(of(good, false), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://portal.example:8443")],
            &[("origin", "http://portal.example")],
            &[("origin", "https://portal.example.evil.example")],
            &[("origin", "https://portal.example/")],
            &[("origin", "HTTPS://portal.example")],
            &[("origin", own), ("origin", own)],
            &[("origin", own), ("sec-fetch-site", "cross-site")],
            &[("origin", own), ("sec-fetch-site", "same-site")],
            &[("origin", own), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!of(bad, false), "{bad:?}");
        }
        assert!(of(&[("origin", own)], true) && !of(&[("sec-fetch-site", "same-origin")], true));
    }
}
