//! The authorization response: what a browser brings back from the issuer (RFC 6749 section 4.1.2).
//!
//! Anybody can send one. Until its `state` is found to be this browser's, nothing in it is believed, and nobody is contacted.

use std::fmt;

use mfa_gateway_keys::Metadata;
use url::form_urlencoded;

use super::issuer_error::IssuerError;

/// The parameters of a callback, taken apart strictly.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackParameters {
    /// What binds it to a browser.
    pub state: String,
    /// What the issuer says.
    pub response: CallbackResponse,
    /// Which issuer it is (RFC 9207).
    issuer: Option<String>,
}

/// What an issuer says.
#[derive(Clone, PartialEq, Eq)]
pub enum CallbackResponse {
    /// Somebody signed in.
    Code(String),
    /// Nobody did.
    Error(IssuerError),
}

/// Why a callback isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// It is longer than any issuer's.
    #[error("the callback is longer than {MAX_LENGTH} bytes or has more than {MAX_PARAMETERS} parameters")]
    TooLong,
    /// A parameter stands twice.
    #[error("a parameter of the callback stands twice")]
    Repeated,
    /// A parameter that must be there is missing.
    #[error("the callback has no {0}")]
    Missing(&'static str),
    /// A parameter has characters that it can't have.
    #[error("the callback's {0} is malformed")]
    Malformed(&'static str),
    /// It is a code and an error at once.
    #[error("the callback has both a code and an error")]
    Contradictory,
    /// The issuer says in its metadata that it names itself, and doesn't.
    #[error("the callback has no iss, and the issuer's metadata says that it has one (RFC 9207 section 2.4)")]
    IssuerMissing,
    /// It is from another issuer.
    #[error("the callback's iss is another issuer (RFC 9207 section 2.4)")]
    Issuer,
}

impl CallbackError {
    /// Whether the callback could not be read. One that could was of a sign-in, and used it up.
    #[must_use]
    pub fn is_unread(self) -> bool {
        !matches!(self, Self::Issuer | Self::IssuerMissing)
    }
}

/// The longest callback. Entra's codes have up to two kilobytes.
const MAX_LENGTH: usize = 16 << 10;

/// The most parameters. Issuers send five.
const MAX_PARAMETERS: usize = 32;

impl CallbackParameters {
    /// Takes the query or the form of a callback apart.
    ///
    /// # Errors
    ///
    /// If a parameter stands twice (RFC 6749 section 3.1), one that must be there is missing, or one has another form.
    pub fn parse(encoded: &[u8]) -> Result<Self, CallbackError> {
        if encoded.len() > MAX_LENGTH {
            return Err(CallbackError::TooLong);
        }
        let mut all = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if all.iter().any(|(known, _)| *known == name) {
                return Err(CallbackError::Repeated);
            }
            if all.len() == MAX_PARAMETERS {
                return Err(CallbackError::TooLong);
            }
            all.push((name, value));
        }
        let get = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_ref());
        let visible =
            |name| get(name).map(|value| is_visible(value).then_some(value).ok_or(CallbackError::Malformed(name)));
        let state = visible("state").transpose()?.ok_or(CallbackError::Missing("state"))?.to_owned();
        let issuer = visible("iss").transpose()?.map(str::to_owned);
        let response = match (visible("code").transpose()?, get("error")) {
            (Some(_), Some(_)) => return Err(CallbackError::Contradictory),
            (Some(code), None) => CallbackResponse::Code(code.to_owned()),
            (None, Some(error)) => CallbackResponse::Error(
                IssuerError::new(error, get("error_description")).ok_or(CallbackError::Malformed("error"))?,
            ),
            (None, None) => return Err(CallbackError::Missing("code")),
        };
        Ok(Self { state, response, issuer })
    }

    /// The one state of a callback that can't be read otherwise: which sign-in it would have been of.
    #[must_use]
    pub fn state_of(encoded: &[u8]) -> Option<String> {
        let encoded = encoded.get(..MAX_LENGTH).unwrap_or(encoded);
        let mut states = form_urlencoded::parse(encoded).filter(|(name, _)| name == "state");
        let (_, state) = states.next()?;
        states.next().is_none().then(|| state.into_owned())
    }

    /// Checks which issuer it is from (RFC 9207 section 2.4): one that says in its metadata that it names itself must, and
    /// every other that does must name itself right. Another issuer's code would go to this one's token endpoint otherwise.
    pub fn check_issuer(&self, metadata: &Metadata) -> Result<(), CallbackError> {
        match &self.issuer {
            Some(issuer) if issuer == metadata.issuer() => Ok(()),
            Some(_) => Err(CallbackError::Issuer),
            None if metadata.authorization_response_iss_parameter_supported => Err(CallbackError::IssuerMissing),
            None => Ok(()),
        }
    }
}

/// `1*VSCHAR` (RFC 6749 appendix A), what codes and states consist of.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

impl fmt::Debug for CallbackParameters {
    /// Without the state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackParameters").field("response", &self.response).finish_non_exhaustive()
    }
}

impl fmt::Debug for CallbackResponse {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(_) => f.write_str("Code"),
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<CallbackParameters, CallbackError> {
        CallbackParameters::parse(text.as_bytes())
    }

    #[test]
    fn a_callback_is_a_code_or_an_error_and_a_state() {
        let good = parse("code=a%2Bb%20c+d&state=s&session_state=x").unwrap();
        assert_eq!((good.state.as_str(), &good.response), ("s", &CallbackResponse::Code("a+b c d".to_owned())));
        let error = parse("error=access_denied&error_description=AADSTS65004%3A+no&state=s&error_uri=x").unwrap();
        let reported = IssuerError { code: "access_denied".to_owned(), number: Some(65004) };
        assert_eq!(error.response, CallbackResponse::Error(reported));
        assert!(!format!("{good:?}").contains("a+b"), "{good:?}");
    }

    #[test]
    fn what_is_not_exactly_that_is_refused() {
        use CallbackError::{Contradictory, Malformed, Missing, Repeated, TooLong};
        let many = (0..40).map(|number| format!("&x{number}=")).collect::<Vec<_>>().concat();
        let long = "c".repeat(MAX_LENGTH);
        for (text, expected) in [
            ("", Missing("state")),
            ("code=c", Missing("state")),
            ("error=access_denied", Missing("state")),
            ("state=s", Missing("code")),
            ("code=c&state=s&error=access_denied", Contradictory),
            ("code=c&code=c&state=s", Repeated),
            ("code=c&state=s&state=s", Repeated),
            ("code=c&state=s&%73tate=t", Repeated),
            ("iss=i&code=c&state=s&iss=i", Repeated),
            ("error=a&error=a&state=s", Repeated),
            ("code=c&state=", Malformed("state")),
            ("code=&state=s", Malformed("code")),
            ("code&state=s", Malformed("code")),
            ("code=c%00&state=s", Malformed("code")),
            ("code=%ff&state=s", Malformed("code")),
            ("code=c&state=%0d%0a", Malformed("state")),
            ("code=c&state=\u{e9}", Malformed("state")),
            ("code=c&state=s&iss=", Malformed("iss")),
            ("error=&state=s", Malformed("error")),
            ("error=%3Cscript%3E&state=s", Malformed("error")),
            (&format!("code=c&state=s{many}"), TooLong),
            (&format!("code={long}&state=s"), TooLong),
            // Names are exact.
            ("Code=c&state=s", Missing("code")),
            ("code=c&state[]=s", Missing("state")),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_issuer_is_right_and_there_where_it_says_so() {
        let issuer = "https://idp.example/";
        let metadata = |names_itself: bool| {
            let document = json!({ "authorization_response_iss_parameter_supported": names_itself }).to_string();
            Metadata::parse(document.as_bytes(), issuer)
        };
        let check = |text: &str, names_itself| parse(text).unwrap().check_issuer(&metadata(names_itself));
        for names_itself in [true, false] {
            assert_eq!(check("code=c&state=s&iss=https%3A%2F%2Fidp.example%2F", names_itself), Ok(()));
            for other in ["https://idp.example", "https://other.example/", "HTTPS://idp.example/"] {
                let found = check(&format!("code=c&state=s&iss={other}"), names_itself);
                assert_eq!(found, Err(CallbackError::Issuer), "{other}");
            }
        }
        assert_eq!(check("code=c&state=s", false), Ok(()));
        assert_eq!(check("error=access_denied&state=s", true), Err(CallbackError::IssuerMissing));
    }
}
