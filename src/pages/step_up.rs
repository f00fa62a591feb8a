//! A step-up that came back without what the route needs: what was asked, what came back, and why that may be.

use mfa_gateway_core::policy::{Denial, Product};

use super::fact::Fact;
use super::text::Text;

/// A step-up that failed.
#[derive(Clone, Debug)]
pub struct StepUp {
    /// The product of the issuer, which chooses the likely causes.
    pub product: Product,
    /// What is missing.
    pub shortfall: Shortfall,
    /// What the issuer was asked for, as `acr_values`.
    pub asked: Vec<Fact>,
    /// What the ID token says, as `amr`, `acr` and `auth_time`.
    pub returned: Vec<Fact>,
    /// Whether MFA has to be done in a customer's tenant.
    pub of_customer: bool,
}

/// What is missing in the evidence that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// No claim that could prove MFA.
    Absent,
    /// The claims are there, and don't prove MFA.
    Missing,
    /// A claim says that MFA was bypassed.
    Denied,
    /// The sign-in is too old, or its time isn't known.
    Stale,
}

impl Shortfall {
    /// The shortfall of a denial, if it is one that a step-up could have mended.
    #[must_use]
    pub fn of(denial: Denial) -> Option<Self> {
        match denial {
            Denial::AmrAbsent => Some(Self::Absent),
            Denial::MfaMissing => Some(Self::Missing),
            Denial::EvidenceDenied => Some(Self::Denied),
            Denial::AuthenticationStale => Some(Self::Stale),
            _ => None,
        }
    }

    /// The reason code, which is the denial's.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Absent => Denial::AmrAbsent.code(),
            Self::Missing => Denial::MfaMissing.code(),
            Self::Denied => Denial::EvidenceDenied.code(),
            Self::Stale => Denial::AuthenticationStale.code(),
        }
    }

    fn text(self) -> &'static Text {
        match self {
            Self::Absent => &ABSENT,
            Self::Missing => &MISSING,
            Self::Denied => &DENIED,
            Self::Stale => &STALE,
        }
    }
}

impl StepUp {
    pub(super) fn text(&self) -> &'static Text {
        match self.shortfall {
            Shortfall::Missing | Shortfall::Absent if self.of_customer => &MISSING_THERE,
            shortfall => shortfall.text(),
        }
    }

    /// The likely causes.
    pub(super) fn causes(&self) -> &'static [&'static str] {
        match (self.shortfall, self.product) {
            (Shortfall::Stale, _) => &[
                "The sign-in service remembered an earlier sign-in, and didn't ask you again.",
                "It doesn't report when you signed in (auth_time).",
                "The clock of a server is wrong.",
            ],
            (Shortfall::Denied, _) => &["MFA was skipped, or done in a way that isn't accepted here."],
            (_, Product::Entra) => &[
                "No Conditional Access policy and no security default asks for MFA in this application.",
                "Entra skipped MFA: a trusted location, or a device that it remembers.",
                "Your account signs in at another identity provider, which doesn't report MFA to Entra.",
                "The ID token doesn't say how you signed in: Entra's v2.0 endpoint leaves amr out.",
            ],
            (_, Product::Keycloak) => &[
                "Your account has no second factor, and the realm's flow lets it in without one.",
                "The realm has no step-up flow: no level of authentication belongs to what was asked for.",
                "The client has no mapper that writes amr or acr into the ID token.",
            ],
            (_, Product::Okta) => &[
                "The application's authentication policy is content with one factor.",
                "Okta remembered an earlier sign-in with one factor.",
                "The organization's Okta doesn't know the assurance that was asked for (acr_values).",
            ],
            (_, Product::Auth0) => &[
                "MFA isn't turned on in the tenant, or an Action skips it.",
                "Auth0 remembers this browser, and skipped MFA.",
                "The sign-in was silent; Auth0 then leaves amr out.",
            ],
            (_, Product::Generic) => &[
                "Your account has no second factor, and the sign-in service lets it in without one.",
                "The sign-in service skipped MFA: a trusted location, or a device or sign-in that it remembers.",
                "It doesn't report how you signed in.",
            ],
        }
    }
}

const ABSENT: Text = Text {
    title: "MFA isn't confirmed",
    paragraphs: &[
        "This page needs MFA. You signed in, but the sign-in service doesn't say how.",
        "Try again. If MFA isn't asked for, or doesn't help, give your help desk what this page says.",
    ],
};

const MISSING: Text = Text {
    title: "MFA is missing",
    paragraphs: &[
        "This page needs MFA, and you signed in without it.",
        "Set up a second factor for your account if it has none, and try again. If MFA isn't asked for, give your help \
         desk what this page says.",
    ],
};

const MISSING_THERE: Text = Text {
    title: "MFA is missing in the customer's organization",
    paragraphs: &[
        "This page is about a customer, and needs MFA in the customer's organization. You signed in there without it. MFA that \
         was done elsewhere doesn't count.",
        "If the sign-in service manages your account, it asks for MFA there, and first has you register for it if you never \
         did. If your own organization's sign-in service manages it, that one must do MFA, and say so.",
        "Try again. If MFA isn't asked for, give your help desk what this page says.",
    ],
};

const DENIED: Text = Text {
    title: "Your MFA isn't accepted",
    paragraphs: &[
        "This page needs MFA. The sign-in service says that it was bypassed, or done in a way that isn't accepted here.",
        "Try again, and complete MFA.",
    ],
};

const STALE: Text = Text {
    title: "Your sign-in is too old for this page",
    paragraphs: &[
        "This page needs a recent sign-in with MFA, and the sign-in service didn't make a new one.",
        "Try again. If you aren't asked to sign in, sign out first.",
    ],
};
