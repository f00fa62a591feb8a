//! Which product an issuer is, so that advice can name its own settings.

/// The product behind an issuer. No decision reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Product {
    /// Microsoft Entra ID.
    Entra,
    /// Keycloak, and what is built on it.
    Keycloak,
    /// Okta.
    Okta,
    /// Auth0.
    Auth0,
    /// Any other.
    #[default]
    Generic,
}

/// The domains of Okta's organisations that have none of their own.
const OKTA: [&str; 5] = ["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"];

impl Product {
    /// The product that an issuer's URL has the form of. Domains of the issuer's own say nothing.
    #[must_use]
    pub fn of(issuer: &str) -> Self {
        let Some((_, rest)) = issuer.split_once("://") else { return Self::Generic };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if OKTA.into_iter().any(below) {
            Self::Okta
        } else if below("auth0.com") {
            Self::Auth0
        } else if path
            .split('/')
            .skip_while(|segment| *segment != "realms")
            .nth(1)
            .is_some_and(|realm| !realm.is_empty())
        {
            Self::Keycloak
        } else {
            Self::Generic
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_issuer_names_its_product() {
        for (issuer, product) in [
            ("https://login.example.com/realms/partners", Product::Keycloak),
            ("https://login.example.com/auth/realms/partners", Product::Keycloak),
            ("http://127.0.0.1:8080/realms/r", Product::Keycloak),
            ("https://example.okta.com/oauth2/default", Product::Okta),
            ("https://example.OKTA-emea.com", Product::Okta),
            ("https://tenant.eu.auth0.com/", Product::Auth0),
            ("https://login.example.com/realms", Product::Generic),
            ("https://login.example.com/realms/", Product::Generic),
            ("https://notokta.com/", Product::Generic),
            ("https://okta.com.example/", Product::Generic),
            ("accounts.google.com", Product::Generic),
            ("", Product::Generic),
        ] {
            assert_eq!(Product::of(issuer), product, "{issuer}");
        }
    }
}
