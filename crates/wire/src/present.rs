//! Which fields a message has.

use http::{HeaderMap, HeaderName};

use super::headers;

/// Which of the fields that are looked at stand in a message. One pass over the names costs less than a search for each:
/// most of them are absent from most messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u16);

impl Present {
    /// `Authorization`.
    pub const AUTHORIZATION: Self = Self(1);
    /// `Content-Length`.
    pub const CONTENT_LENGTH: Self = Self(1 << 1);
    /// `Transfer-Encoding`.
    pub const TRANSFER_ENCODING: Self = Self(1 << 2);
    /// `Expect`.
    pub const EXPECT: Self = Self(1 << 3);
    /// `Upgrade`.
    pub const UPGRADE: Self = Self(1 << 4);
    /// `MS-RequestId`.
    pub const REQUEST_ID: Self = Self(1 << 5);
    /// `MS-CorrelationId`.
    pub const CORRELATION_ID: Self = Self(1 << 6);
    /// `ValidateMfa`.
    pub const VALIDATE_MFA: Self = Self(1 << 7);
    /// A field that frames the body.
    pub const FRAMING: Self = Self(Self::CONTENT_LENGTH.0 | Self::TRANSFER_ENCODING.0);
    /// A field of the connection.
    pub const HOP_BY_HOP: Self = Self(1 << 8);
    /// A field that only the gateway may say, in any spelling; of an answer one that some read as another.
    pub const SUSPECT: Self = Self(1 << 9);

    /// What a request has.
    pub fn in_request(fields: &HeaderMap) -> Self {
        Self::of(fields, headers::is_guarded)
    }

    /// What an answer has.
    pub fn in_answer(fields: &HeaderMap) -> Self {
        Self::of(fields, headers::is_twin)
    }

    fn of(fields: &HeaderMap, is_suspect: impl Fn(&HeaderName) -> bool) -> Self {
        fields.keys().fold(Self::default(), |present, name| {
            let known = Self::named(name.as_str());
            let suspect = known == Self::default() && is_suspect(name);
            Self(present.0 | known.0 | if suspect { Self::SUSPECT.0 } else { 0 })
        })
    }

    /// What a field of this name is. None of these is guarded, or a twin.
    fn named(name: &str) -> Self {
        match name {
            "authorization" => Self::AUTHORIZATION,
            "content-length" => Self::CONTENT_LENGTH,
            "transfer-encoding" => Self(Self::TRANSFER_ENCODING.0 | Self::HOP_BY_HOP.0),
            "upgrade" => Self(Self::UPGRADE.0 | Self::HOP_BY_HOP.0),
            "expect" => Self::EXPECT,
            "ms-requestid" => Self::REQUEST_ID,
            "ms-correlationid" => Self::CORRELATION_ID,
            "validatemfa" => Self::VALIDATE_MFA,
            name if headers::is_hop_by_hop(name) => Self::HOP_BY_HOP,
            _ => Self::default(),
        }
    }

    /// Whether any of these is there.
    #[must_use]
    pub fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(names: &[&'static str]) -> Present {
        let value = HeaderValue::from_static("x");
        Present::in_request(&names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect())
    }

    #[test]
    fn every_field_is_seen_wherever_it_stands() {
        for (name, is) in [
            ("authorization", Present::AUTHORIZATION),
            ("content-length", Present::CONTENT_LENGTH),
            ("transfer-encoding", Present::TRANSFER_ENCODING),
            ("transfer-encoding", Present::HOP_BY_HOP),
            ("upgrade", Present::UPGRADE),
            ("upgrade", Present::HOP_BY_HOP),
            ("connection", Present::HOP_BY_HOP),
            ("te", Present::HOP_BY_HOP),
            ("expect", Present::EXPECT),
            ("ms-requestid", Present::REQUEST_ID),
            ("ms-correlationid", Present::CORRELATION_ID),
            ("validatemfa", Present::VALIDATE_MFA),
            ("x-forwarded-for", Present::SUSPECT),
            ("x_auth_request_user", Present::SUSPECT),
            ("content_length", Present::SUSPECT),
        ] {
            assert!(of(&["host", name, "accept"]).has(is), "{name}");
            assert!(!of(&["host", "accept", "x-request-id"]).has(is), "{name}");
        }
    }

    #[test]
    fn what_is_known_by_name_is_none_that_is_removed_as_guarded() {
        for name in ["authorization", "content-length", "transfer-encoding", "upgrade", "expect", "te", "validatemfa"] {
            assert!(!headers::is_guarded(&HeaderName::from_static(name)), "{name}");
        }
    }
}
