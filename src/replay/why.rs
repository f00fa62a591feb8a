//! Why a decision can't be made again, and what to do about it.

use serde::{Serialize, Serializer};

/// What a line, or the log as a whole, lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// New routes below the recorded one decide differently.
    RoutesDiffer,
    /// The same, and the line doesn't say which routes were there.
    RoutesUnknown,
    /// The same, and the line has a digest of the routes that nothing here has.
    ManyRoutes,
    /// Nobody read the token.
    NotLookedAt,
    /// The new rule reads a claim that the line lacks.
    ClaimUnread,
    /// The same, in a line of an older version.
    ClaimsUnknown,
    /// The route takes the token from another place.
    TokenPlaceDiffers,
    /// The route asks for a context, and the line doesn't say what it was.
    ContextUnknown,
    /// The route needs a role, and the line doesn't say who has it.
    RolesUnknown,
    /// The route takes only tokens that are bound to their senders, and the line doesn't say whether this one was.
    BindingUnknown,
    /// The issuer asks something else of its tokens.
    TokenRulesDiffer,
    /// The log leaves ordinary permits out.
    PermitsOmitted,
    /// The gateway wrote more lines than the log could take.
    LinesLost,
}

impl Why {
    /// What is lacking.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::RoutesDiffer => {
                "new routes below the recorded route decide differently, and the log contains no paths"
            }
            Self::RoutesUnknown => {
                "routes below the recorded route decide differently, and the log, of an older version, doesn't say which \
                 of them were there"
            }
            Self::ManyRoutes => {
                "routes below the recorded route decide differently, and the log has only a digest of the many that were \
                 there"
            }
            Self::NotLookedAt => "the route was public, so no token was read",
            Self::ClaimUnread => {
                "the issuer's rule reads a claim that the recording rule didn't read, or that was too long for the log"
            }
            Self::ClaimsUnknown => {
                "the issuer's rule reads more than `amr`, and the log, of an older version, has no other claims"
            }
            Self::TokenRulesDiffer => {
                "the issuer's audiences, algorithms or proof of app-only tokens differ from the recording configuration's, \
                 and the log contains no tokens"
            }
            Self::TokenPlaceDiffers => "the route takes the token from another place than the recorded one did",
            Self::ContextUnknown => {
                "the route asks for a context, and the recorded line lacks the customer or the user's home tenant"
            }
            Self::RolesUnknown => {
                "the route needs a role, and what gives roles differs from the recording configuration's, or the log is of an \
                 older version"
            }
            Self::BindingUnknown => {
                "the route takes only tokens that are bound to their senders, and the log, of an older version, doesn't say \
                 which were"
            }
            Self::PermitsOmitted => "the log omits ordinary permits, so callers are missing",
            Self::LinesLost => "the log has lost lines, so callers may be missing",
        }
    }

    /// What to do about it.
    pub(crate) fn fix(self) -> &'static str {
        match self {
            Self::RoutesDiffer => "serve the new routes in `mode: report` first, and replay the log of that",
            Self::RoutesUnknown | Self::ManyRoutes => {
                "give the configuration that recorded the log with --recorded-with"
            }
            Self::NotLookedAt => {
                "serve the route with `require: mfa` and `mode: report` first, and replay the log of that"
            }
            Self::ClaimUnread => {
                "serve the new rule with `mode: report` on the routes first, and replay the log of that"
            }
            Self::ClaimsUnknown => {
                "record a new log; or, if the rule is the recording one, give that configuration with --recorded-with"
            }
            Self::TokenRulesDiffer => {
                "rehearse that change with tokens of its callers, with `mfa-gateway explain`; replay the rest without it"
            }
            Self::TokenPlaceDiffers => {
                "rehearse without that change; whether callers send the token there is not in the log"
            }
            Self::ContextUnknown => {
                "serve the route with its context and with delegations first, and replay the log of that"
            }
            Self::RolesUnknown => {
                "serve the new roles with `mode: report` on the routes first, and replay the log of that"
            }
            Self::BindingUnknown => "record a new log: it says of each token what it is bound to",
            Self::PermitsOmitted => "record with `log.decisions: all`",
            Self::LinesLost => "record again to a faster disk, or replay the log of another day",
        }
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}
