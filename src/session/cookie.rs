//! The gateway's own cookies among a browser's: found, taken out, set, cleared (RFC 6265 section 4.2, RFC 6265bis).
//!
//! One strict reader. A browser separates pairs by `; `, and writes a name as it was set; so what differs from that by letter
//! case, blanks or quotes isn't the gateway's cookie, and never reaches an upstream either: a server may read it as one.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// The most cookies of sign-ins under way that are looked at.
const MAX_ATTEMPTS: usize = 24;

/// What names the cookie that counts.
const ROUNDS: &str = "rounds";

/// The names of a sign-in's cookies: one for the session, and one for each sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(String);

/// The gateway's cookies of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnCookies {
    /// The session's cookie; `None` if there is none, or more than one.
    pub session: Option<String>,
    /// Whether there are several of its name, of which a stranger may have set one.
    pub is_doubled: bool,
    /// The cookies of sign-ins under way: the rest of the name, and the value.
    pub attempts: Vec<(String, String)>,
    /// How many sign-ins, one right after the other, ended in a cookie that is no session.
    pub rounds: u32,
}

impl CookieName {
    /// The name of a session's cookie; `__Host-` is put before it (RFC 6265bis section 4.1.3.2).
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(["__Host-", name].concat())
    }

    /// The name of the session's cookie.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.0
    }

    /// The name of the cookie of a sign-in under way.
    #[must_use]
    pub fn attempt(&self, slot: &str) -> String {
        [&self.0, "-", slot].concat()
    }

    /// The name of the cookie that counts sign-ins which end in no session: shorter than that of one under way.
    #[must_use]
    pub fn rounds(&self) -> String {
        self.attempt(ROUNDS)
    }

    /// Whether a cookie's name is one of these, or could be read as one.
    fn resembles(&self, name: &[u8]) -> bool {
        let (Some(first), Some(last)) =
            (name.iter().position(u8::is_ascii_graphic), name.iter().rposition(u8::is_ascii_graphic))
        else {
            return false;
        };
        let name = name.get(first..=last).unwrap_or_default();
        let Some((start, rest)) = name.split_at_checked(self.0.len()) else { return false };
        start.eq_ignore_ascii_case(self.0.as_bytes()) && (rest.is_empty() || rest.starts_with(b"-"))
    }
}

/// Takes the gateway's cookies out of a request. All others stay as they are, in their order.
pub fn take(headers: &mut HeaderMap, name: &CookieName) -> OwnCookies {
    let mut own = OwnCookies::default();
    let is_own = |pair: &[u8]| name.resembles(split(pair).0);
    // Most requests have none.
    if !headers.get_all(COOKIE).iter().any(|field| pairs(field.as_bytes()).any(is_own)) {
        return own;
    }
    let http::header::Entry::Occupied(fields) = headers.entry(COOKIE) else { return own };
    let (_, fields) = fields.remove_entry_mult();
    let others: Vec<_> = fields.filter_map(|field| own.read(field, name)).collect();
    for field in others {
        headers.append(COOKIE, field);
    }
    own
}

/// The pairs of a field, with the blanks around them.
fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let field = rest?;
        let end = memchr::memchr(b';', field).unwrap_or(field.len());
        let (pair, next) = field.split_at(end);
        rest = next.split_first().map(|(_, next)| next);
        Some(pair)
    })
}

/// The name and the value of a pair.
fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'=', pair).unwrap_or(pair.len());
    let (key, value) = pair.split_at(end);
    (key, value.get(1..).unwrap_or_default())
}

impl OwnCookies {
    /// Reads a field, and returns what is left of it, if anything is.
    fn read(&mut self, field: HeaderValue, name: &CookieName) -> Option<HeaderValue> {
        let (mut left, mut begins_later, mut is_other): (Vec<&[u8]>, bool, bool) = (Vec::new(), false, true);
        for (at, pair) in pairs(field.as_bytes()).enumerate() {
            let bare = if at > 0 { pair.strip_prefix(b" ").unwrap_or(pair) } else { pair };
            let (key, value) = split(bare);
            if name.resembles(key) {
                self.note(key, value, name);
                is_other = false;
            } else {
                begins_later |= left.is_empty() && at > 0;
                left.push(pair);
            }
        }
        if is_other {
            return Some(field);
        }
        let left = left.join(&b';');
        // The blank stood between the first pair and one that is gone.
        let left = left.strip_prefix(b" ").filter(|_| begins_later).unwrap_or(&left);
        if left.is_empty() { None } else { HeaderValue::from_bytes(left).ok() }
    }

    fn note(&mut self, key: &[u8], value: &[u8], name: &CookieName) {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let Some(rest) = key.strip_prefix(name.0.as_bytes()) else { return };
        // Without an early end, which compilers make no wide steps of.
        let all_plain = value.iter().fold(true, |plain, byte| plain & is_plain(byte));
        let (true, false, Ok(text)) = (all_plain, value.is_empty(), std::str::from_utf8(value)) else { return };
        if rest.is_empty() {
            self.is_doubled |= self.session.is_some();
            self.session = (!self.is_doubled).then(|| text.to_owned());
        } else if let Some(Ok(slot)) = rest.strip_prefix(b"-").map(std::str::from_utf8)
            && slot.as_bytes().iter().all(is_plain)
        {
            if slot == ROUNDS {
                self.rounds = text.parse().unwrap_or_default();
            } else if self.attempts.len() < MAX_ATTEMPTS {
                self.attempts.push((slot.to_owned(), text.to_owned()));
            }
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.session.is_none() && !self.is_doubled && self.attempts.is_empty()
    }
}

/// The field that sets a cookie. Without `max_age`, it ends with the browser.
#[must_use]
pub fn set(name: &str, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
    let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    HeaderValue::try_from(format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}")).ok()
}

/// The field that clears a cookie: the same attributes, so that it is the same cookie.
#[must_use]
pub fn clear(name: &str) -> Option<HeaderValue> {
    set(name, "", Some(0))
}

/// Takes the gateway's cookies out of an upstream's response, which can't set them.
pub fn remove_set(headers: &mut HeaderMap, name: &CookieName) {
    if !headers.contains_key(SET_COOKIE) {
        return;
    }
    let is_own = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let pair = text.split(';').next().unwrap_or_default();
        // A cookie without a name is sent as its value alone, which a server could read as a pair.
        let name_of = |pair: &str| pair.split('=').map(str::trim).find(|part| !part.is_empty()).map(str::to_owned);
        name_of(pair).is_some_and(|key| name.resembles(key.as_bytes()))
    };
    if !headers.get_all(SET_COOKIE).iter().any(is_own) {
        return;
    }
    let others: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().filter(|value| !is_own(value)).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in others {
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> CookieName {
        CookieName::new("mfa-gateway")
    }

    fn taken(fields: &[&str]) -> (OwnCookies, Vec<String>) {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(COOKIE, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        let own = take(&mut headers, &name());
        let left = headers.get_all(COOKIE).iter().map(|field| String::from_utf8_lossy(field.as_bytes()).into_owned());
        (own, left.collect())
    }

    #[test]
    fn p26_the_gateways_cookies_are_taken_out_and_the_others_stay_byte_for_byte() {
        let (own, left) = taken(&["a=1; __Host-mfa-gateway=abc; b=\"x y\";c=3; __Host-mfa-gateway-s1=def; d"]);
        assert_eq!(own.session.as_deref(), Some("abc"));
        assert_eq!(own.attempts, [("s1".to_owned(), "def".to_owned())]);
        assert_eq!(left, ["a=1; b=\"x y\";c=3; d"]);
        let (own, left) = taken(&["__Host-mfa-gateway=abc"]);
        assert_eq!((own.session.as_deref(), left.len()), (Some("abc"), 0));
        let (own, left) = taken(&["__Host-mfa-gateway=abc; a=1", "b=2"]);
        assert_eq!((own.session.as_deref(), left), (Some("abc"), vec!["a=1".to_owned(), "b=2".to_owned()]));
        let untouched = ["  a=1 ;; b", "__Host-mfa-gatewayx=1", "x__Host-mfa-gateway=1", ""];
        assert_eq!(taken(&untouched), (OwnCookies::default(), untouched.map(str::to_owned).to_vec()));
    }

    #[test]
    fn p25_doubles_and_look_alikes_are_no_session_and_reach_no_upstream() {
        for doubled in ["__Host-mfa-gateway=a; __Host-mfa-gateway=b", "__Host-mfa-gateway=a; x=1; __Host-mfa-gateway=a"]
        {
            let (own, _) = taken(&[doubled]);
            assert_eq!((own.session, own.is_doubled), (None, true), "{doubled}");
        }
        for odd in [
            "__host-mfa-gateway=a",
            "__Host-MFA-gateway=a",
            "a=1;  __Host-mfa-gateway=a",
            "\u{a0}__Host-mfa-gateway=a",
            "__Host-mfa-gateway =a",
            "__Host-mfa-gateway=\"a\"",
            "__Host-mfa-gateway= a",
            "__Host-mfa-gateway=a b",
            "__Host-mfa-gateway=a,b",
            "__Host-mfa-gateway=",
            "__Host-mfa-gateway",
            "a=1;\t__Host-mfa-gateway=a",
        ] {
            let (own, left) = taken(&[odd]);
            assert!(own.session.is_none() && own.attempts.is_empty(), "{odd}");
            assert!(!left.concat().to_ascii_lowercase().contains("mfa-gateway"), "{odd}");
        }
        let (own, left) = taken(&["$Version=1; __Host-mfa-gateway=a"]);
        assert_eq!((own.session.as_deref(), left), (Some("a"), vec!["$Version=1".to_owned()]));
    }

    #[test]
    fn s11_an_upstream_can_not_set_them_and_its_own_stay_in_order() {
        let mut headers = HeaderMap::new();
        for value in [
            "a=1; Path=/",
            "__Host-mfa-gateway=evil; Path=/",
            "__HOST-mfa-gateway-x=evil",
            "=__Host-mfa-gateway=evil",
            " __Host-mfa-gateway=evil",
            "b=2",
            "__Host-mfa-gatewayx=1",
        ] {
            headers.append(SET_COOKIE, HeaderValue::from_static(value));
        }
        remove_set(&mut headers, &name());
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(left, ["a=1; Path=/", "b=2", "__Host-mfa-gatewayx=1"]);
    }

    #[test]
    fn s9_a_cookie_has_every_attribute_and_is_cleared_with_the_same() {
        let value = set("__Host-mfa-gateway", "abc", Some(60)).unwrap();
        assert_eq!(value, "__Host-mfa-gateway=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
        assert_eq!(clear("__Host-x").unwrap(), "__Host-x=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
