//! What caches may do with a page that a session got: it is one person's.

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields by which an upstream speaks to the caches of a delivery network, or of a proxy in front, alone (RFC 9213 section 3
/// for the first; the others are their makers').
static OTHER_CACHES: [HeaderName; 9] = [
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
    HeaderName::from_static("cloudflare-cdn-cache-control"),
    HeaderName::from_static("vercel-cdn-cache-control"),
    HeaderName::from_static("netlify-cdn-cache-control"),
    HeaderName::from_static("fastly-cdn-cache-control"),
    HeaderName::from_static("akamai-cache-control"),
    HeaderName::from_static("edge-control"),
    HeaderName::from_static("x-accel-expires"),
];

/// Keeps a response out of shared caches (RFC 9111 section 5.2.2): one without a rule is stored nowhere, and one that says
/// `public` is private. An upstream's own private rules stay.
pub(super) fn make_private(headers: &mut HeaderMap) {
    for name in &OTHER_CACHES {
        headers.remove(name);
    }
    let values: Vec<_> = headers.get_all(CACHE_CONTROL).iter().map(|value| value.to_str().map(str::to_owned)).collect();
    let Ok(values) = values.into_iter().collect::<Result<Vec<_>, _>>() else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return;
    };
    let directives: Vec<&str> = values.iter().flat_map(|value| split(value)).filter(|one| !one.is_empty()).collect();
    if directives.is_empty() {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.remove("expires");
        headers.remove(PRAGMA);
        return;
    }
    let name = |directive: &str| directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_shared = |directive: &&str| matches!(name(directive).as_str(), "public" | "s-maxage" | "proxy-revalidate");
    // `private="Set-Cookie"` keeps that field alone from shared caches.
    let is_private = directives.iter().any(|one| name(one) == "no-store" || one.eq_ignore_ascii_case("private"));
    if is_private && !directives.iter().any(is_shared) {
        return;
    }
    let mut kept: Vec<&str> =
        directives.iter().filter(|one| !is_shared(one) && name(one) != "private").copied().collect();
    if !kept.iter().any(|one| name(one) == "no-store") {
        kept.insert(0, "private");
    }
    if let Ok(value) = HeaderValue::from_str(&kept.join(", ")) {
        headers.insert(CACHE_CONTROL, value);
    }
}

/// The directives of a field; a comma in a quoted value is none between two.
fn split(value: &str) -> Vec<&str> {
    let (mut quoted, mut start, mut parts) = (false, 0, Vec::new());
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                parts.push(value.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value.get(start..).unwrap_or_default().trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &[&'static str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
        }
        make_private(&mut headers);
        headers.get_all(CACHE_CONTROL).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn p40_a_page_of_a_session_is_never_left_in_a_shared_cache() {
        assert_eq!(after(&[]), ["no-store"]);
        assert_eq!(after(&[""]), ["no-store"]);
        for own in ["no-store", "private", "private, max-age=60", "no-cache, no-store", "max-age=0, private"] {
            assert_eq!(after(&[own]), [own]);
        }
        assert_eq!(after(&["public, max-age=60"]), ["private, max-age=60"]);
        assert_eq!(after(&["PUBLIC"]), ["private"]);
        assert_eq!(after(&["max-age=60"]), ["private, max-age=60"]);
        assert_eq!(after(&["no-cache"]), ["private, no-cache"]);
        assert_eq!(after(&["private, s-maxage=60"]), ["private"]);
        assert_eq!(after(&["private", "public, max-age=5"]), ["private, max-age=5"]);
        assert_eq!(after(&["private=\"Set-Cookie, X\", max-age=5"]), ["private, max-age=5"]);
        assert_eq!(after(&["no-store, public"]), ["no-store"]);
    }
}
