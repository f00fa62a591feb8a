//! The report in the form of Partner Center's REST calls, so that a client that was written for those reads it.

use mfa_gateway_core::policy::Proof;
use mfa_gateway_store::{MOST_RECENT, StoreError};

use super::asked::Asked;
use super::reader::Reader;
use super::resources::{Collection, adoption, principals, requests};
use crate::routing::ReportedTenants;

/// A call of Partner Center's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twin {
    /// The requests of each day and application.
    Adoption,
    /// The latest requests of users to an API.
    Requests,
    /// The users who were seen without MFA.
    Principals,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwinError {
    /// The store can't be read.
    #[error("the status report can't be read")]
    Store(#[from] StoreError),
    /// It can't be written as JSON.
    #[error("the status report can't be written")]
    Json(#[from] serde_json::Error),
}

impl Twin {
    /// The call at a path. Letter case matters, as in every path that the gateway judges: no other spelling leads around a
    /// route for one of them.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "v1/applicationmfaadoptionstatus" => Some(Self::Adoption),
            "v1/partnerRequests" => Some(Self::Requests),
            "v1/nonMfaCompliantPartnerPrincipals" => Some(Self::Principals),
            _ => None,
        }
    }

    /// The body of a response to this caller: about the last seven days, as Partner Center's.
    ///
    /// # Errors
    ///
    /// If the store can't be read.
    pub(crate) async fn body(
        self,
        reader: &Reader,
        tenants: &ReportedTenants,
        caller: &Proof,
    ) -> Result<Vec<u8>, TwinError> {
        let asked = asked(tenants, &caller.issuer.name, caller.tenant.as_deref());
        match self {
            Self::Adoption => {
                let mut of = Vec::new();
                for asked in &asked {
                    of.extend(reader.applications_by_day(asked).await?);
                }
                Ok(serde_json::to_vec(&adoption(&of))?)
            }
            Self::Requests => {
                let mut all = Vec::new();
                for asked in &asked {
                    all.extend(reader.requests(asked, MOST_RECENT).await?);
                }
                Ok(serde_json::to_vec(&Collection::of(requests(&all)))?)
            }
            Self::Principals => {
                let mut users = Vec::new();
                for asked in &asked {
                    users.extend(reader.without_mfa(asked).await?);
                }
                Ok(serde_json::to_vec(&Collection::of(principals(&users)))?)
            }
        }
    }
}

/// What to ask for, so that nobody sees people of another tenant.
fn asked(tenants: &ReportedTenants, issuer: &str, tenant: Option<&str>) -> Vec<Asked> {
    match tenants {
        ReportedTenants::All => vec![Asked::default()],
        ReportedTenants::Own => vec![Asked {
            issuer: Some(issuer.to_owned()),
            tenant: Some(tenant.unwrap_or_default().to_owned()),
            ..Asked::default()
        }],
        ReportedTenants::Only(tenants) => {
            tenants.iter().map(|tenant| Asked { tenant: Some(tenant.clone()), ..Asked::default() }).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_are_at_their_documented_paths_alone() {
        assert_eq!(Twin::at("v1/partnerRequests"), Some(Twin::Requests));
        for other in
            ["", "v1", "v1/partnerrequests", "v1/partnerRequests/", "v2/partnerRequests", "/v1/partnerRequests"]
        {
            assert_eq!(Twin::at(other), None, "{other}");
        }
    }

    #[test]
    fn a_caller_s_report_is_about_the_caller_s_tenant_unless_the_route_says_otherwise() {
        let of = |tenants: &ReportedTenants, tenant| asked(tenants, "entra", tenant);
        let own = &of(&ReportedTenants::Own, Some("t"))[0];
        assert_eq!((own.issuer.as_deref(), own.tenant.as_deref()), (Some("entra"), Some("t")));
        // Who has no tenant sees those without one, and not everybody.
        assert_eq!(of(&ReportedTenants::Own, None)[0].tenant.as_deref(), Some(""));
        assert_eq!(of(&ReportedTenants::All, Some("t")), [Asked::default()]);
        let some = ReportedTenants::Only(["a", "b"].map(str::to_owned).into());
        let tenants: Vec<_> = of(&some, Some("t")).into_iter().map(|asked| asked.tenant).collect();
        assert_eq!(tenants, [Some("a".to_owned()), Some("b".to_owned())]);
    }
}
