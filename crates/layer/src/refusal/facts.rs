//! The facts of a refusal, whatever is refused.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use mfa_gateway_core::policy::{Denial, Dialect, Proof, Rule, remedy};
use mfa_gateway_core::token::Check;

/// The facts of a refusal: what it says of the request, and what it may say of the token.
#[derive(Clone, Debug)]
pub struct Refusal<'r> {
    pub(super) status: StatusCode,
    pub(super) reason: &'r str,
    pub(super) description: Cow<'r, str>,
    pub(super) remedy: Cow<'r, str>,
    /// The denial, if the rule refuses the request.
    pub(super) denial: Option<Denial>,
    pub(super) proof: Option<&'r Proof>,
    pub(super) rule: Option<&'r Rule>,
    pub(super) customer: Option<&'r str>,
    pub(super) dialect: Dialect,
    pub(super) compliant: Option<bool>,
    pub(super) retry_after: Option<u64>,
    /// Where the resource is described.
    pub(super) metadata: Option<&'r str>,
}

impl<'r> Refusal<'r> {
    /// The refusal of a request that the rule denies. `proof` is what its verified token proves, if it has one.
    #[must_use]
    pub fn denied(denial: Denial, proof: Option<&'r Proof>, rule: Option<&'r Rule>) -> Self {
        let (description, remedy) = remedy(denial, proof, rule);
        let retry_after = Self::retry_after_of(denial);
        let refusal = Self::new(Self::status_of(denial), denial.code(), description, remedy);
        Self { denial: Some(denial), proof, rule, retry_after, ..refusal }
    }

    /// A refusal that is no decision of the rule.
    #[must_use]
    pub fn new(
        status: StatusCode,
        reason: &'r str,
        description: impl Into<Cow<'r, str>>,
        remedy: impl Into<Cow<'r, str>>,
    ) -> Self {
        Self {
            status,
            reason,
            description: description.into(),
            remedy: remedy.into(),
            denial: None,
            proof: None,
            rule: None,
            customer: None,
            dialect: Dialect::PartnerCenter,
            compliant: None,
            retry_after: None,
            metadata: None,
        }
    }

    /// The same, in this dialect.
    #[must_use]
    pub fn worded(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The same, of a resource whose metadata is at this URL (RFC 9728).
    #[must_use]
    pub fn described_at(self, metadata: Option<&'r str>) -> Self {
        Self { metadata, ..self }
    }

    /// The same, of a request about this customer.
    #[must_use]
    pub fn about(self, customer: Option<&'r str>) -> Self {
        Self { customer, ..self }
    }

    /// The same, with the result of `ValidateMfa`, if the caller asked.
    #[must_use]
    pub fn compliant(self, compliant: Option<bool>) -> Self {
        Self { compliant, ..self }
    }

    /// The same, with another remedy.
    #[must_use]
    pub fn remedied_by(self, remedy: impl Into<Cow<'r, str>>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// The status of a denial. The service's own failures are never 401.
    #[must_use]
    pub fn status_of(denial: Denial) -> StatusCode {
        match denial {
            denial if denial.is_ours() => StatusCode::SERVICE_UNAVAILABLE,
            denial if denial.check() == Check::Route => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// After how many seconds another try may succeed, if that is due to time alone.
    #[must_use]
    pub fn retry_after_of(denial: Denial) -> Option<u64> {
        denial.is_ours().then_some(5)
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable reason code.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason
    }

    /// What was found, in a sentence or two.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The denial, if the rule refuses the request.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// Its dialect.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether MFA is missing, or its evidence.
    #[must_use]
    pub fn is_mfa(&self) -> bool {
        self.denial.is_some_and(|denial| denial.check() == Check::Mfa)
    }

    /// How long ago the caller may have authenticated, by the rule that decided.
    pub(super) fn max_age(&self) -> Option<Duration> {
        Rule::max_age_by(self.rule, self.proof?)
    }
}
