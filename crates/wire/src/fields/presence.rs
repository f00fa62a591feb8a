//! The known fields that a message has.

use http::{HeaderMap, HeaderName};

use super::headers;

/// A set of the fields that the gateway looks for. One pass over the names of a message costs less than a search for
/// each: most messages lack most of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence(u16);

impl Presence {
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
    /// A field that belongs to the connection.
    pub const HOP_BY_HOP: Self = Self(1 << 8);
    /// In a request, a field that only the gateway may send, in any spelling. In a response, another spelling of a
    /// field that frames the message.
    pub const SUSPECT: Self = Self(1 << 9);

    /// `DPoP`.
    pub const DPOP: Self = Self(1 << 10);

    /// The known fields of a request.
    pub fn in_request(fields: &HeaderMap) -> Self {
        Self::of(fields, headers::is_identity_name)
    }

    /// The known fields of a response.
    pub fn in_response(fields: &HeaderMap) -> Self {
        Self::of(fields, headers::is_lookalike)
    }

    fn of(fields: &HeaderMap, is_suspect: impl Fn(&HeaderName) -> bool) -> Self {
        fields.keys().fold(Self::default(), |present, name| {
            let known = Self::named(name.as_str());
            // One is enough, and a message can have many.
            let suspect = !present.has(Self::SUSPECT) && known == Self::default() && is_suspect(name);
            Self(present.0 | known.0 | if suspect { Self::SUSPECT.0 } else { 0 })
        })
    }

    /// What a field of this name is. None of these is an identity name or a lookalike.
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
            "dpop" => Self::DPOP,
            name if headers::is_hop_by_hop(name) => Self::HOP_BY_HOP,
            _ => Self::default(),
        }
    }

    /// Whether any field of `any` is present.
    #[must_use]
    pub fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(names: &[&'static str]) -> Presence {
        let value = HeaderValue::from_static("x");
        Presence::in_request(&names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect())
    }

    #[test]
    fn every_field_is_seen_wherever_it_stands() {
        for (name, is) in [
            ("authorization", Presence::AUTHORIZATION),
            ("content-length", Presence::CONTENT_LENGTH),
            ("transfer-encoding", Presence::TRANSFER_ENCODING),
            ("transfer-encoding", Presence::HOP_BY_HOP),
            ("upgrade", Presence::UPGRADE),
            ("upgrade", Presence::HOP_BY_HOP),
            ("connection", Presence::HOP_BY_HOP),
            ("te", Presence::HOP_BY_HOP),
            ("expect", Presence::EXPECT),
            ("ms-requestid", Presence::REQUEST_ID),
            ("ms-correlationid", Presence::CORRELATION_ID),
            ("validatemfa", Presence::VALIDATE_MFA),
            ("dpop", Presence::DPOP),
            ("x-forwarded-for", Presence::SUSPECT),
            ("x_auth_request_user", Presence::SUSPECT),
            ("content_length", Presence::SUSPECT),
        ] {
            assert!(of(&["host", name, "accept"]).has(is), "{name}");
            assert!(!of(&["host", "accept", "x-request-id"]).has(is), "{name}");
        }
    }

    #[test]
    fn no_known_name_is_an_identity_name() {
        for name in
            ["authorization", "content-length", "transfer-encoding", "upgrade", "expect", "te", "validatemfa", "dpop"]
        {
            assert!(!headers::is_identity_name(&HeaderName::from_static(name)), "{name}");
        }
    }
}
