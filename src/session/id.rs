//! The id of a session.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a session: 128 random bits. It is no credential, since the cookie is sealed, so that logs and operators may
/// name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

/// The place of the dash in the alphabet of ids (RFC 4648 section 5).
const DASH: u8 = 62;

/// The system has no randomness.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct NoRandom;

impl SessionId {
    /// A new id.
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    pub fn random() -> Result<Self, NoRandom> {
        let mut bytes: [u8; 16] = random()?;
        // An id that begins with a dash would be a flag to a command. One in sixty-four does, and begins with `A` instead.
        if bytes[0] >> 2 == DASH {
            bytes[0] &= 0b11;
        }
        Ok(Self(bytes))
    }

    /// Reads an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// Random bytes that nobody guesses.
///
/// # Errors
///
/// If the system has no randomness.
pub(super) fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an id of a session"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_a_flag_to_a_command() {
        assert!((0..2000).all(|_| !SessionId::random().unwrap().to_string().starts_with('-')));
    }

    #[test]
    fn ids_are_random_and_read_back() {
        let (one, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(SessionId::parse(&one.to_string()), Some(one));
        for odd in ["", "abc", &format!("{one}x"), "................."] {
            assert_eq!(SessionId::parse(odd), None);
        }
    }
}
