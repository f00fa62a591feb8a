//! A user's home tenant: where the identity is kept that a token of another tenant speaks for.
//!
//! Entra names it in `idp`, as the issuer that authenticated the user, and leaves the claim out where that is the token's
//! own tenant. What is written there in another form names no tenant, and is never taken for the token's own.

use super::{Claims, Cloud, is_guid};

/// What names a user's home tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HomeRule {
    /// Nothing: it isn't known.
    #[default]
    Unknown,
    /// Entra's `idp`; the token's own tenant without it.
    Entra,
    /// This claim, which has a tenant's id or the issuer of a tenant; no tenant without it.
    Claim(Vec<String>),
}

impl HomeRule {
    /// The path of the claim, if one is read.
    #[must_use]
    pub fn claim(&self) -> Option<Vec<String>> {
        match self {
            Self::Unknown => None,
            Self::Entra => Some(vec!["idp".to_owned()]),
            Self::Claim(path) => Some(path.clone()),
        }
    }

    /// The home tenant that verified claims name.
    #[must_use]
    pub fn read<'c>(&self, claims: &'c Claims) -> Option<&'c str> {
        let text = match self {
            Self::Unknown => return None,
            Self::Entra => match claims.get("idp") {
                None => return claims.text("tid"),
                Some(claim) => claim.as_str(),
            },
            Self::Claim(path) => claims.at(path)?.as_str(),
        };
        text.and_then(tenant_in)
    }
}

/// The tenant that a text names: an id, or Entra's issuer of a tenant in any cloud and form.
fn tenant_in(text: &str) -> Option<&str> {
    let sts = ["https://sts.windows.net", "https://sts.chinacloudapi.cn"];
    let bases = Cloud::ALL.into_iter().map(Cloud::authority).chain(sts);
    let rest = |base: &str| text.strip_prefix(base)?.strip_prefix('/');
    let tenant = bases
        .into_iter()
        .find_map(rest)
        .map_or(text, |rest| rest.strip_suffix("/v2.0").or_else(|| rest.strip_suffix('/')).unwrap_or(rest));
    is_guid(tenant).then_some(tenant)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const OWN: &str = "11111111-1111-4111-8111-111111111111";
    const HOME: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";

    fn home(rule: &HomeRule, claims: &Value) -> Option<String> {
        rule.read(&Claims::of(claims)).map(str::to_owned)
    }

    #[test]
    fn entras_idp_names_the_home_tenant_in_every_cloud() {
        for idp in [
            format!("https://sts.windows.net/{HOME}/"),
            format!("https://sts.windows.net/{HOME}"),
            format!("https://sts.chinacloudapi.cn/{HOME}/"),
            format!("https://login.microsoftonline.com/{HOME}/v2.0"),
            format!("https://login.microsoftonline.us/{HOME}/v2.0"),
            format!("https://login.partner.microsoftonline.cn/{HOME}/"),
        ] {
            assert_eq!(home(&HomeRule::Entra, &json!({"tid": OWN, "idp": idp})).as_deref(), Some(HOME), "{idp}");
        }
        assert_eq!(home(&HomeRule::Entra, &json!({"tid": OWN})).as_deref(), Some(OWN));
        assert_eq!(home(&HomeRule::Entra, &json!({})), None);
    }

    #[test]
    fn what_names_no_tenant_is_never_the_tokens_own() {
        for idp in [
            json!("live.com"),
            json!("google.com"),
            json!("mail"),
            json!(""),
            json!(null),
            json!(1),
            json!([format!("https://sts.windows.net/{OWN}/")]),
            json!(format!("http://sts.windows.net/{OWN}/")),
            json!(format!("https://sts.windows.net.example/{OWN}/")),
            json!(format!("https://sts.windows.net//{OWN}/")),
            json!(format!("https://sts.windows.net/{OWN}/x")),
            json!(format!("https://sts.windows.net/{OWN}//")),
            json!(format!("https://idp.example/{OWN}/v2.0")),
            json!(format!(" {OWN}")),
        ] {
            assert_eq!(home(&HomeRule::Entra, &json!({"tid": OWN, "idp": idp})), None, "{idp}");
        }
    }

    #[test]
    fn elsewhere_the_configured_claim_alone_names_it() {
        let rule = HomeRule::Claim(vec!["org".to_owned(), "home".to_owned()]);
        assert_eq!(home(&rule, &json!({"tid": OWN, "org": {"home": HOME}})).as_deref(), Some(HOME));
        assert_eq!(home(&rule, &json!({"tid": OWN})), None);
        assert_eq!(home(&HomeRule::Unknown, &json!({"tid": OWN, "idp": HOME})), None);
    }
}
