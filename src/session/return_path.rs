//! Where a browser returns to after a sign-in: a path of the gateway's own, never a URL.
//!
//! The text is compared as browsers read it: they take a backslash for a slash, drop tabs and line ends, and take two slashes
//! for the start of a host (WHATWG URL, section 4.4).

/// The longest path with its query that is kept. A longer one leads to the start page.
const MAX: usize = 2048;

/// A path with its query on the gateway's own origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath(String);

impl ReturnPath {
    /// The start page.
    #[must_use]
    pub fn start() -> Self {
        Self("/".to_owned())
    }

    /// The target of a request, byte for byte; the start page instead of one that leads elsewhere, or into the gateway's own
    /// paths.
    #[must_use]
    pub fn of(target: &str, base_path: &str) -> Self {
        if is_own(target) && !is_below(target, base_path) { Self(target.to_owned()) } else { Self::start() }
    }

    /// The text for `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_own(target: &str) -> bool {
    let mut bytes = target.bytes();
    let is_single = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    let path = target.split('?').next().unwrap_or_default();
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    let hides = decoded.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\');
    // Browsers resolve them, spelled either way, and could come out anywhere.
    let climbs = decoded.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b".."));
    is_single
        && !hides
        && !climbs
        && target.len() <= MAX
        // In a query, a backslash is one.
        && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Whether a server could read the target as one of the gateway's own paths.
fn is_below(target: &str, base_path: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().to_lowercase();
    let base = base_path.trim_end_matches('/').to_lowercase();
    decoded.strip_prefix(&base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p38_only_a_path_of_its_own_is_returned_to_and_byte_for_byte() {
        let base = "/.mfa-gateway/";
        for good in [
            "/",
            "/a",
            "/a?b=c&d=%2F%2f",
            "/a//b",
            "/%e4?x=http://other.example/",
            "/a;b=c",
            "/?//x",
            "/.mfa-gatewayx",
            "/a?b=\\c/../d",
            "/a..b/...c",
        ] {
            assert_eq!(ReturnPath::of(good, base).as_str(), good);
        }
        let long = format!("/{}", "x".repeat(MAX));
        for bad in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "/a\\b",
            "/a/../.mfa-gateway/sign-out",
            "/./a",
            "/%2E%2e/a",
            "http://evil.example",
            "javascript:alert(1)",
            "/a#b",
            "/a\tb",
            "/\t/evil.example",
            "/a\nb",
            "/a b",
            "/ä",
            "/%09/evil.example",
            "/%5cevil.example",
            "/%0d%0aset-cookie:x",
            "/.mfa-gateway",
            "/.mfa-gateway/sign-out",
            "/.MFA-gateway/sign-out",
            "/%2emfa-gateway/callback?code=1",
            &long,
        ] {
            assert_eq!(ReturnPath::of(bad, base), ReturnPath::start(), "{bad:?}");
        }
    }
}
