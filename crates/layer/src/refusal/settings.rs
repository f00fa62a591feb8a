//! The content of refusals beyond the rule.

use std::collections::BTreeSet;

use http::HeaderValue;

/// The content of refusals beyond the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// The `Request-Context` header field.
    pub request_context: Option<HeaderValue>,
    /// The base address of the page that explains each reason.
    pub documentation: Option<String>,
    /// The `source` of the body.
    pub source: String,
    /// Whether responses in report mode say what enforcement would have done.
    pub report_header: bool,
    /// The accepted algorithms of DPoP proofs, as challenges list them.
    pub dpop_algorithms: String,
    /// The URL of the metadata of the resource, where the refusal names no other.
    pub resource_metadata: Option<String>,
    /// The requirements for tokens that callers receive, if they do.
    pub expected: Option<Expected>,
}

impl Default for Refusals {
    fn default() -> Self {
        let source = "gateway".to_owned();
        let dpop_algorithms = crate::SenderSettings::default().algorithms();
        Self {
            request_context: None,
            documentation: None,
            source,
            report_header: true,
            dpop_algorithms,
            resource_metadata: None,
            expected: None,
        }
    }
}

/// The requirements for tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The accepted issuers, as `iss` names them.
    pub issuers: BTreeSet<String>,
    /// The accepted audiences.
    pub audiences: BTreeSet<String>,
}
