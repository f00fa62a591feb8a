//! An explanation, and the JSON that the command prints and the admin listener returns.

use mfa_gateway_layer::Credential;
use schemars::JsonSchema;
use serde::Serialize;

/// The result: every step, the decision, and the remedy. It never contains the token.
#[derive(Debug)]
pub struct Explanation {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether the request would be permitted.
    pub permitted: bool,
    /// The HTTP status of a refusal.
    pub status: Option<u16>,
    /// The code of the grounds, or of the reason.
    pub reason: &'static str,
    /// The code of what was found, even if the route only reports it.
    pub denial: Option<&'static str>,
    /// The route that the request matches, as the configuration writes it.
    pub route: Option<String>,
    /// The finding, and the remedy.
    pub texts: (String, String),
}

/// One step.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// Its name.
    #[serde(rename = "step")]
    pub name: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// What was seen, and what was expected.
    pub detail: String,
}

/// How a step went: `skip` if it was not reached, or doesn't matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Outcome {
    /// It passed.
    Pass,
    /// It failed.
    Fail,
    /// It was not reached, or doesn't matter here.
    #[serde(rename = "skip")]
    Skipped,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skip",
        }
    }
}

/// The gateway's decision about a token, step by step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, rename = "Explanation")]
pub(crate) struct Document<'e> {
    /// `pass` or `fail`.
    #[schemars(extend("enum" = ["pass", "fail"]))]
    result: &'static str,
    /// `permit` or `deny`.
    #[schemars(extend("enum" = ["permit", "deny"]))]
    decision: &'static str,
    /// The grounds of a permit, or the reason code of a refusal.
    reason: &'static str,
    /// The reason code of the denial, even if the request is permitted anyway; `null` if there is none.
    denial: Option<&'static str>,
    /// The status that the request would get; `null` if it would be forwarded.
    status: Option<u16>,
    /// The path or prefix of the route, as the configuration writes it; `null` if there is none.
    route: Option<&'e str>,
    /// The finding in words.
    description: &'e str,
    /// The remedy.
    remedy: &'e str,
    /// Every step, in order.
    steps: &'e [Step],
    /// Why the issuer's keys could not be fetched, if they could not.
    keys_error: Option<&'e str>,
}

/// The token in a pasted text: people paste the header field's value.
pub(crate) fn pasted(text: &str) -> Credential<'_> {
    let token = text.trim();
    let token = ["Bearer ", "DPoP "].iter().find_map(|scheme| token.strip_prefix(scheme)).unwrap_or(token).trim();
    if token.is_empty() { Credential::None } else { Credential::Bearer(token.as_bytes()) }
}

impl Explanation {
    /// The word that sums up the explanation.
    pub(crate) fn result(&self) -> &'static str {
        if self.permitted { "pass" } else { "fail" }
    }

    /// The explanation as JSON. `trouble` is why keys could not be fetched.
    pub(crate) fn document<'e>(&'e self, trouble: Option<&'e str>) -> Document<'e> {
        Document {
            result: self.result(),
            decision: if self.permitted { "permit" } else { "deny" },
            reason: self.reason,
            denial: self.denial,
            status: self.status,
            route: self.route.as_deref(),
            description: &self.texts.0,
            remedy: &self.texts.1,
            steps: &self.steps,
            keys_error: trouble,
        }
    }
}
