//! The compact form of a JWS (RFC 7515 section 3.1), taken apart strictly.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::jwk::kid_text;
use super::object::Object;
use super::{Algorithm, Claim, Claims, IssuerRule, KeyHint, TokenError, Validity};

/// A token taken apart. Nothing in it is known to be true yet.
#[derive(Debug)]
pub struct Unverified<'t> {
    pub(super) signing_input: &'t [u8],
    pub(super) signature: Vec<u8>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) name: KeyName,
    pub(super) has_nonce: bool,
    /// Whether the header says what type it is of.
    pub(super) is_typed: bool,
    pub(super) payload: Object,
}

/// What the header calls the key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KeyName {
    kid: Option<String>,
    x5t: Option<String>,
    x5t_s256: Option<String>,
}

impl KeyName {
    pub(super) fn hint(&self) -> KeyHint<'_> {
        KeyHint::new(self.kid.as_deref(), self.x5t.as_deref(), self.x5t_s256.as_deref())
    }
}

impl<'t> Unverified<'t> {
    /// Takes the compact form apart.
    ///
    /// # Errors
    ///
    /// If the form isn't exact, the header asks for something that isn't implemented, or the token is of another type.
    pub fn parse(token: &'t str) -> Result<Self, TokenError> {
        Self::parse_as(token, &["jwt", "at+jwt"])
    }

    /// The same for a token whose `typ`, if it has one, is one of these.
    pub(super) fn parse_as(token: &'t str, types: &[&str]) -> Result<Self, TokenError> {
        let signed = Signed::parse(token, types)?;
        let (payload, is_typed) = (signed.claims()?, signed.header.get("typ").is_some());
        let Signed { input, signature, algorithm, name, has_nonce, .. } = signed;
        Ok(Self { signing_input: input.as_bytes(), signature, algorithm, name, has_nonce, is_typed, payload })
    }

    /// Whether a text isn't a token that can be read: it has not three parts whose first is a header. Only its issuer can say
    /// what it is.
    #[must_use]
    pub fn is_opaque(token: &str) -> bool {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return true;
        };
        decode(header).and_then(Object::parse).is_none()
    }

    /// The issuer that the token names, for choosing the key set.
    pub fn issuer(&self) -> Result<&str, TokenError> {
        self.payload.optional_text("iss")?.ok_or(TokenError::ClaimMissing("iss"))
    }

    /// Whether Entra issued the token for Microsoft Graph: it has a `nonce` in the header, and was signed with another text
    /// in its place, which only Graph knows how to make.
    #[must_use]
    pub fn is_for_graph(&self) -> bool {
        self.has_nonce && self.issuer().is_ok_and(|issuer| matches!(IssuerRule::of(issuer), IssuerRule::Entra { .. }))
    }

    /// The id of the key that is said to have signed.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.name.kid.as_deref()
    }

    /// All that the header says of that key.
    #[must_use]
    pub fn key_hint(&self) -> KeyHint<'_> {
        self.name.hint()
    }

    /// The algorithm, if it is one the gateway knows.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The claims of a token that its issuer has just given to the gateway over TLS, for a service that verifies it. They tell
    /// what the token is good for; no decision about a request may rest on them.
    #[must_use]
    pub fn given(self) -> Claims {
        Claims::new(self.payload, Validity::always())
    }

    /// A claim as it stands, for showing it to the token's owner. Nothing may be decided by it.
    #[must_use]
    pub fn peek(&self, claim: &str) -> Option<Claim<'_>> {
        self.payload.get(claim)
    }
}

/// Any JWS in the compact form: what signs it, and a payload that may be anything.
pub(super) struct Signed<'t> {
    pub(super) input: &'t str,
    pub(super) signature: Vec<u8>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) name: KeyName,
    pub(super) has_nonce: bool,
    pub(super) header: Object,
    payload: &'t str,
}

impl<'t> Signed<'t> {
    pub(super) fn parse(token: &'t str, types: &[&str]) -> Result<Self, TokenError> {
        let (input, signature) = token.rsplit_once('.').ok_or(TokenError::Compact)?;
        let (header, payload) = input.split_once('.').ok_or(TokenError::Compact)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(TokenError::Compact);
        }
        let signature = decode(signature).ok_or(TokenError::Compact)?;
        let header = decode(header).ok_or(TokenError::Compact)?;
        let header = Object::parse(header).ok_or(TokenError::Json("header"))?;
        let (algorithm, name) = read_header(&header, types)?;
        let has_nonce = header.get("nonce").is_some();
        Ok(Self { input, signature, algorithm, name, has_nonce, header, payload })
    }

    /// The payload, as the object that a token has there.
    pub(super) fn claims(&self) -> Result<Object, TokenError> {
        let payload = decode(self.payload).ok_or(TokenError::Compact)?;
        Object::parse(payload).ok_or(TokenError::Json("payload"))
    }
}

/// Decodes canonical unpadded base64url: no padding, no other alphabet, no stray bits at the end.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// Checks the header and reads what is used of it. Unknown parameters are ignored, as RFC 7515 section 4 has it;
/// none of them (`jwk`, `jku`, `x5u`, `x5c`) ever leads to a key. Thumbprints choose one that the issuer published.
fn read_header(header: &Object, types: &[&str]) -> Result<(Option<Algorithm>, KeyName), TokenError> {
    // Each of these changes what the signature covers or what the payload is; none is implemented.
    for name in ["crit", "zip", "enc"] {
        if header.get(name).is_some() {
            return Err(TokenError::Header(name));
        }
    }
    if header.get("b64").is_some_and(|value| !matches!(value, Claim::Other(Value::Bool(true)))) {
        return Err(TokenError::Header("b64"));
    }
    let text = |name| header.get(name).map(Claim::as_str);
    match text("cty") {
        None => {}
        Some(Some(content)) if !is_nested(content) => {}
        Some(_) => return Err(TokenError::Header("cty")),
    }
    match text("typ") {
        None => {}
        Some(Some(typ)) if is_media_type(typ, types) => {}
        Some(_) => return Err(TokenError::Type),
    }
    let name = read_key_name(header)?;
    match text("alg") {
        Some(Some(algorithm)) => Ok((algorithm.parse().ok(), name)),
        _ => Err(TokenError::Header("alg")),
    }
}

/// Reads what the header calls the key. An empty id says nothing, as in a key set; thumbprints are only asked for
/// without an id, and one of another type is an unknown parameter.
fn read_key_name(header: &Object) -> Result<KeyName, TokenError> {
    let kid = match header.get("kid") {
        None => None,
        Some(Claim::Text(kid)) => Some(kid.to_owned()),
        Some(Claim::Other(kid)) => Some(kid_text(kid).ok_or(TokenError::Header("kid"))?),
    };
    let kid = kid.filter(|kid| !kid.is_empty());
    if kid.is_some() {
        return Ok(KeyName { kid, ..KeyName::default() });
    }
    let thumbprint = |name| header.get(name).and_then(Claim::as_str).map(str::to_owned);
    Ok(KeyName { kid, x5t: thumbprint("x5t"), x5t_s256: thumbprint("x5t#S256") })
}

/// Whether `value` is one of `types`, with or without `application/` (RFC 7515 section 4.1.9), in any letter case.
fn is_media_type(value: &str, types: &[&str]) -> bool {
    const PREFIX: &str = "application/";
    let prefixed = value.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    let value = if prefixed { &value[PREFIX.len()..] } else { value };
    types.iter().any(|one| one.eq_ignore_ascii_case(value))
}

/// Whether `cty` says that the payload is a token or another signed or encrypted object (RFC 7519 section 5.2), whatever
/// stands before the subtype or behind it.
fn is_nested(content: &str) -> bool {
    let content = content.to_ascii_lowercase();
    let essence = content.split(';').next().unwrap_or_default();
    let subtype = essence.rsplit('/').next().unwrap_or_default().trim();
    matches!(subtype, "jwt" | "jose" | "jose+json") || subtype.ends_with("+jwt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    fn error(token: &str) -> TokenError {
        Unverified::parse(token).unwrap_err()
    }

    #[test]
    fn takes_an_ordinary_token_apart() {
        let token = token(r#"{"alg":"RS256","typ":"JWT","kid":"k","x5t":"y","jku":{"odd":1}}"#, r#"{"iss":"i"}"#);
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!(unverified.issuer(), Ok("i"));
        assert_eq!(unverified.kid(), Some("k"));
        assert_eq!(unverified.algorithm(), Some(Algorithm::Rs256));
    }

    #[test]
    fn the_form_is_exact() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        assert!(Unverified::parse(&good).is_ok());
        for bad in [
            String::new(),
            "a.b".into(),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}="),
            format!("{good}\n"),
            good.replace(".c2ln", "."),
            good.replace(".c2ln", ".c2ln."),
            // `c2lo` without its last character leaves stray bits.
            good.replace(".c2ln", ".c2m"),
            good.replace(".c2ln", ".c2+n"),
            good.replacen('.', ". ", 1),
        ] {
            assert_eq!(error(&bad), TokenError::Compact, "{bad:?}");
        }
        assert_eq!(error(&token("[]", "{}")), TokenError::Json("header"));
        assert_eq!(error(&token(r#"{"alg":"RS256"}"#, r#"{"a":1,"a":1}"#)), TokenError::Json("payload"));
    }

    #[test]
    fn a_header_that_asks_for_more_is_refused() {
        for (member, name) in [
            (r#""crit":["exp"]"#, "crit"),
            (r#""crit":[]"#, "crit"),
            (r#""b64":false"#, "b64"),
            (r#""zip":"DEF""#, "zip"),
            (r#""enc":"A128GCM""#, "enc"),
            (r#""cty":"JWT""#, "cty"),
            (r#""kid":1.5"#, "kid"),
            (r#""kid":null"#, "kid"),
            (r#""kid":["k"]"#, "kid"),
        ] {
            assert_eq!(error(&token(&format!(r#"{{"alg":"RS256",{member}}}"#), "{}")), TokenError::Header(name));
        }
        assert_eq!(error(&token("{}", "{}")), TokenError::Header("alg"));
        assert_eq!(error(&token(r#"{"alg":["RS256"]}"#, "{}")), TokenError::Header("alg"));
    }

    #[test]
    fn the_key_is_named_by_its_id_or_else_by_thumbprints() {
        let hint = |members: &str| {
            let token = token(&format!(r#"{{"alg":"RS256"{members}}}"#), "{}");
            let unverified = Unverified::parse(&token).unwrap();
            let hint = unverified.key_hint();
            let thumbprints = hint.thumbprints.iter().map(str::to_owned).collect::<Vec<_>>();
            (hint.kid.map(str::to_owned), thumbprints.join(" "))
        };
        let named = |kid: &str| (Some(kid.to_owned()), String::new());
        let printed = |thumbprints: &str| (None, thumbprints.to_owned());
        assert_eq!(hint(r#","kid":"k","x5t":"t""#), named("k"));
        assert_eq!(hint(r#","kid":7"#), named("7"));
        assert_eq!(hint(r#","kid":"","x5t":"t""#), printed("t"));
        assert_eq!(hint(r#","x5t":"a+b/c=","x5t#S256":"s""#), printed("s a-b_c"));
        assert_eq!(hint(r#","x5t":7,"x5t#S256":null"#), printed(""));
        assert_eq!(hint(r#","x5t":"""#), printed(""));
    }

    #[test]
    fn a_token_of_entra_with_a_nonce_in_its_header_is_for_graph() {
        let is_for_graph = |header: &str, issuer: &str| {
            Unverified::parse(&token(header, &format!(r#"{{"iss":"{issuer}"}}"#))).unwrap().is_for_graph()
        };
        let (entra, nonce) =
            ("https://sts.windows.net/df845f1a-7b35-40a2-ba78-6481de91f8ae/", r#"{"alg":"RS256","nonce":"x"}"#);
        assert!(is_for_graph(nonce, entra));
        assert!(!is_for_graph(r#"{"alg":"RS256"}"#, entra) && !is_for_graph(nonce, "https://idp.example/"));
    }

    #[test]
    fn a_payload_that_is_said_to_be_another_token_is_refused() {
        let parse =
            |cty: &str| Unverified::parse(&token(&format!(r#"{{"alg":"RS256","cty":"{cty}"}}"#), "{}")).map(drop);
        for nested in [
            "JWT",
            "jwt",
            "application/jwt",
            "at+jwt",
            "application/at+jwt",
            "AT+JWT",
            "JOSE",
            "jose",
            "application/jose",
            "JOSE+JSON",
            "dpop+jwt",
            "secevent+JWT",
            "application/x+jwt",
            " JWT ",
            "application/JWT; v=1",
        ] {
            assert_eq!(parse(nested), Err(TokenError::Header("cty")), "{nested}");
        }
        for other in ["json", "application/json", "jwt+json", "x-jwt", ""] {
            assert_eq!(parse(other), Ok(()), "{other}");
        }
    }

    #[test]
    fn only_access_token_types_pass() {
        for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"] {
            assert!(Unverified::parse(&token(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#), "{}")).is_ok(), "{typ}");
        }
        for typ in [r#""dpop+jwt""#, r#""logout+jwt""#, r#""id+jwt""#, r#""""#, "1", "null"] {
            assert_eq!(error(&token(&format!(r#"{{"alg":"RS256","typ":{typ}}}"#), "{}")), TokenError::Type, "{typ}");
        }
    }
}
