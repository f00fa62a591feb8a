//! How a route treats requests and responses beyond the rule: pages of other origins, where the token stands, header
//! fields.

use schemars::JsonSchema;
use serde::Deserialize;

/// The pages of other origins that may read a route's responses (CORS). The gateway responds to their preflights,
/// without a token and without the upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Cors {
    /// The origins, compared exactly, as browsers write them: `https://app.example.com`. `"*"` for every origin, without
    /// `credentials`.
    pub origins: Vec<String>,
    /// The methods that pages may use. Default: the route's `methods`, else GET, HEAD, POST, PUT, PATCH and DELETE.
    pub methods: Option<Vec<String>>,
    /// The header fields that pages may send; `"*"` for all. Default: `Authorization` and `Content-Type`, and the field
    /// of `token_from`.
    pub headers: Option<Vec<String>>,
    /// The header fields of responses that pages may read, besides `WWW-Authenticate`, `Retry-After`, `MS-RequestId` and
    /// `MS-CorrelationId`.
    #[serde(default)]
    pub expose: Vec<String>,
    /// Whether browsers may send cookies. Default `false`.
    #[serde(default)]
    pub credentials: bool,
    /// How long browsers may remember the response to a preflight. Absent: the browser's default, 5 s.
    pub max_age: Option<String>,
    /// Whether a page of a public network may ask a gateway in a private network. Default `false`.
    #[serde(default)]
    pub private_network: bool,
}

/// Where the token stands: `authorization`, or one other place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum TokenFrom {
    /// The usual place.
    Usual(UsualPlace),
    /// Another place.
    Other(OtherPlace),
}

/// The usual place of the token.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum UsualPlace {
    /// The `Authorization` field, with the scheme `Bearer`.
    Authorization,
}

/// Another place of the token: exactly one of these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OtherPlace {
    /// The header field with this name, with or without `Bearer` before the token.
    pub header: Option<String>,
    /// The cookie with this name. Requests with other methods than GET, HEAD and OPTIONS, and each `WebSocket`, must come
    /// from a page of the same origin.
    pub cookie: Option<String>,
    /// The element of `Sec-WebSocket-Protocol` behind this one: with `bearer`, a WebSocket offers `bearer, <token>`.
    pub subprotocol: Option<String>,
    /// The element of `Sec-WebSocket-Protocol` that begins so. If the prefix begins with `base64url.`, the rest is the
    /// token in base64url: `base64url.bearer.authorization.k8s.io.`, as in Kubernetes.
    pub subprotocol_prefix: Option<String>,
}

/// Changes to the header fields of a message, in this order: removed, set, added.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct FieldEdits {
    /// The names of fields to remove.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Fields to replace, or to add if they are absent.
    #[serde(default)]
    pub set: Vec<Field>,
    /// Fields to add beside those of the same name.
    #[serde(default)]
    pub add: Vec<Field>,
}

/// A header field: exactly one of `value` and `value_file`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// A file whose one line is its value: for secrets.
    pub value_file: Option<String>,
}

/// What happens to a stream when the token of its request expires.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AtExpiry {
    /// It goes on.
    #[default]
    Keep,
    /// It ends.
    Close,
}
