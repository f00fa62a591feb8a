//! Where people sign in to a tenant that a page is about.

use crate::config::Issuer;
use crate::config::file;
use crate::config::problem::Problems;
use crate::config::tenant_endpoint::{Role, read as endpoint};
use crate::oidc::TenantEndpoints;
use mfa_gateway_core::token::{IssuerRule, Tenants};
use mfa_gateway_keys::KeySettings;

/// Reads the endpoints of tenants: those of the file, or Entra's.
pub(super) fn read(
    path: &str,
    file: &file::SignIn,
    (issuer, keys): (&Issuer, Option<&KeySettings>),
    problems: &mut Problems<'_>,
) -> Option<TenantEndpoints> {
    let rule = &issuer.rules.issuer;
    let written = [&file.tenant_authorization_endpoint, &file.tenant_token_endpoint];
    let fields = ["tenant_authorization_endpoint", "tenant_token_endpoint"];
    // A browser would bring a code of one tenant, and another one's endpoint would be asked for its tokens.
    if let ([Some(_), None], [there, missing]) | ([None, Some(_)], [missing, there]) = (written, fields) {
        let message = format!("a tenant's sign-in needs both endpoints, and only `{there}` is there");
        problems.add(&format!("{path}.{missing}"), message, "write both, or remove the other");
        return None;
    }
    let [authorization, token] = written.map(Option::as_deref);
    let authorization = endpoint(path, (Role::Authorization, authorization), (rule, keys), problems);
    let token = endpoint(path, (Role::Token, token), (rule, keys), problems);
    if file.par && written[0].is_some() {
        let message = "requests are pushed to an endpoint that isn't the tenant's";
        problems.add(&format!("{path}.par"), message, "remove it, or remove the tenants' endpoints");
    }
    let trusted = match rule {
        IssuerRule::Entra { tenants, .. } => tenants.clone(),
        IssuerRule::Exact(_) => Tenants::Any,
    };
    Some(TenantEndpoints { authorization: authorization?, token: token?, trusted })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::config::Config;
    use crate::oidc::TenantId;

    const PARTNER: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
    const OTHER: &str = "1a111111-1111-4111-8111-11111111111c";

    fn read(issuer: &str, fields: &str) -> Result<Config, String> {
        let text = format!(
            "
listeners: [{{ address: \"127.0.0.1:0\" }}]
issuers: [{{ name: idp, {issuer}, audiences: [api] }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
sign_in: [{{ name: portal, issuer: idp, public_url: \"https://portal.example\", client_id: c, authentication: none, {fields} }}]
routes: [{{ prefix: /, upstream: api, credential: session, require: authenticated }}]
"
        );
        Config::parse("f", &text, HashMap::new()).map_err(|problems| problems.to_string())
    }

    fn addresses(issuer: &str, fields: &str) -> Option<[String; 2]> {
        let config = read(issuer, fields).unwrap();
        let tenants = config.sign_ins[0].tenants.clone()?;
        Some([tenants.authorization, tenants.token].map(|one| one.of(PARTNER).unwrap().to_string()))
    }

    #[test]
    fn entras_tenants_have_endpoints_by_the_version_and_the_cloud() {
        let at = |rest: &str| ["authorize", "token"].map(|last| format!("https://login.microsoftonline.{rest}/{last}"));
        let entra = "entra: { tenants: any }";
        assert_eq!(addresses(entra, "endpoint: v2"), Some(at(&format!("com/{PARTNER}/oauth2/v2.0"))));
        assert_eq!(addresses(entra, "endpoint: v1"), Some(at(&format!("com/{PARTNER}/oauth2"))));
        let government = "entra: { tenants: any, cloud: us-government }";
        assert_eq!(addresses(government, "endpoint: v2"), Some(at(&format!("us/{PARTNER}/oauth2/v2.0"))));
        let some = read(&format!("entra: {{ tenants: [{PARTNER}] }}"), "").unwrap();
        let have = |id| some.sign_ins[0].tenants.as_ref().unwrap().have(TenantId::parse(id).unwrap());
        assert!(have(PARTNER) && !have(OTHER));
    }

    #[test]
    fn other_issuers_have_those_that_the_file_names_and_both_or_none() {
        let issuer = "issuer: \"https://idp.example/\"";
        assert_eq!(addresses(issuer, ""), None);
        let (one, two) = ("https://idp.example/{tenant}/authorize", "https://idp.example/{tenant}/token");
        let both = format!("tenant_authorization_endpoint: \"{one}\", tenant_token_endpoint: \"{two}\"");
        assert_eq!(addresses(issuer, &both).unwrap()[1], two.replace("{tenant}", PARTNER));
        for (fields, told) in [
            (format!("tenant_token_endpoint: \"{two}\""), "sign_in[0].tenant_authorization_endpoint"),
            (format!("tenant_authorization_endpoint: \"{one}\""), "sign_in[0].tenant_token_endpoint"),
            (both.replace("/{tenant}/authorize", "/authorize"), "no address of a tenant's authorization endpoint"),
            (both.replace("https://idp.example/{tenant}/token", "http://idp.example/{tenant}/token"), "token endpoint"),
            (format!("{both}, par: true"), "sign_in[0].par"),
        ] {
            let problems = read(issuer, &fields).unwrap_err();
            assert!(problems.contains(told), "{fields}: {problems}");
        }
    }
}
