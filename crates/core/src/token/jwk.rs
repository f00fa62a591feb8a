//! The members of a JWK, as publishers write them.
//!
//! Many of them write every member that their library knows: `null`, an empty string and an empty array say nothing, and
//! count as absent. Numbers come padded and in plain base64. A member that is there and says something else than it may
//! is an error: the entry isn't used.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::KeyError;
use super::json::strings;

/// A member that says something.
fn member<'j>(jwk: &'j Value, name: &str) -> Option<&'j Value> {
    jwk.get(name).filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        _ => true,
    })
}

/// The first of these members that is there.
pub(super) fn first_of(jwk: &Value, names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| member(jwk, name).is_some())
}

/// A member that may be absent, but not of another type than string.
pub(super) fn text<'j>(jwk: &'j Value, name: &'static str) -> Result<Option<&'j str>, KeyError> {
    member(jwk, name).map(|value| value.as_str().ok_or(KeyError::Type(name))).transpose()
}

/// A member that may be absent, but is an array of strings if it is there.
pub(super) fn texts<'j>(jwk: &'j Value, name: &'static str) -> Result<Option<Vec<&'j str>>, KeyError> {
    member(jwk, name).map(|value| strings(value).ok_or(KeyError::Type(name))).transpose()
}

/// The id. Some publish a number.
pub(super) fn kid(jwk: &Value) -> Result<Option<String>, KeyError> {
    member(jwk, "kid").map(|value| kid_text(value).ok_or(KeyError::Type("kid"))).transpose()
}

/// The text of an id in a key set or a token, where a whole number stands for its digits.
pub(super) fn kid_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

/// A certificate's thumbprint. It only helps to find a key, so one of another type says nothing.
pub(super) fn thumbprint(jwk: &Value, name: &str) -> Option<Box<str>> {
    member(jwk, name)?.as_str().map(|text| base64url(text).into_boxed_str())
}

/// The octets of a number or a point.
pub(super) fn octets(jwk: &Value, name: &'static str) -> Result<Vec<u8>, KeyError> {
    let text = text(jwk, name)?.ok_or(KeyError::Missing(name))?;
    // Padding makes the length whole, or the text was cut.
    if text.ends_with('=') && !text.len().is_multiple_of(4) {
        return Err(KeyError::Encoding(name));
    }
    URL_SAFE_NO_PAD.decode(base64url(text)).map_err(|_| KeyError::Encoding(name))
}

/// Plain or padded base64, as unpadded base64url.
pub(super) fn base64url(text: &str) -> String {
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    bare.replace('+', "-").replace('/', "_")
}

/// The number without its leading zero octets.
pub(super) fn unsigned(octets: &[u8]) -> &[u8] {
    &octets[octets.iter().take_while(|&&octet| octet == 0).count()..]
}

/// The number in so many octets, however many zeros its publisher wrote before it; `None` if it is longer.
pub(super) fn padded(octets: &[u8], length: usize) -> Option<Vec<u8>> {
    let number = unsigned(octets);
    let zeros = length.checked_sub(number.len())?;
    Some([&vec![0; zeros], number].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_nothing_counts_as_absent() {
        for nothing in [json!(null), json!(""), json!([])] {
            let jwk = json!({ "use": nothing });
            assert_eq!((text(&jwk, "use"), texts(&jwk, "use"), first_of(&jwk, &["use"])), (Ok(None), Ok(None), None));
        }
        for (odd, member) in [(json!(1), "use"), (json!({}), "use"), (json!(["sig"]), "use"), (json!(false), "use")] {
            assert_eq!(text(&json!({ "use": odd }), member), Err(KeyError::Type("use")));
        }
        assert_eq!(texts(&json!({"key_ops": ["verify", 1]}), "key_ops"), Err(KeyError::Type("key_ops")));
    }

    #[test]
    fn octets_are_read_from_every_alphabet_that_says_the_same() {
        let read = |text: &str| octets(&json!({ "n": text }), "n");
        for same in ["-_-_AA", "+/+/AA", "-_-_AA==", "+/+/AA==", "+_-/AA"] {
            assert_eq!(read(same), Ok(vec![0xfb, 0xff, 0xbf, 0]), "{same}");
        }
        for bad in ["AQAB=", "AQ=", "A=Q=", "AQ===", "=", "A", "AR", "A Q", "AQ\n", "AQ.B", "ä"] {
            assert_eq!(read(bad), Err(KeyError::Encoding("n")), "{bad}");
        }
        assert_eq!(octets(&json!({"n": null}), "n"), Err(KeyError::Missing("n")));
        assert_eq!(octets(&json!({"n": 3}), "n"), Err(KeyError::Type("n")));
    }

    #[test]
    fn an_id_is_a_text_or_a_whole_number() {
        let read = |kid: Value| super::kid(&json!({ "kid": kid }));
        assert_eq!(read(json!("7")), Ok(Some("7".to_owned())));
        assert_eq!(read(json!(7)), Ok(Some("7".to_owned())));
        assert_eq!(read(json!(-7)), Ok(Some("-7".to_owned())));
        assert_eq!(read(json!(u64::MAX)), Ok(Some(u64::MAX.to_string())));
        assert_eq!(read(json!(null)), Ok(None));
        for odd in [json!(7.0), json!(1e300), json!(true), json!(["k"]), json!({"k": 1})] {
            assert_eq!(read(odd), Err(KeyError::Type("kid")));
        }
    }

    #[test]
    fn a_number_has_the_length_it_needs() {
        assert_eq!(padded(&[0, 0, 1, 2], 2), Some(vec![1, 2]));
        assert_eq!(padded(&[1, 2], 4), Some(vec![0, 0, 1, 2]));
        assert_eq!(padded(&[1, 2, 3], 2), None);
        assert_eq!(padded(&[], 2), Some(vec![0, 0]));
    }
}
