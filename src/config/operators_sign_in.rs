//! The operators who sign in with a browser, from the file to what is used.

use std::collections::BTreeSet;

use url::Url;

use super::problem::Problems;
use super::roles;
use super::suggest::suggest;
use super::values::{optional_duration, tenant_ids};
use super::{file, names};
use mfa_gateway_core::policy::{AppOnlyRule, Requirement, Rule};

/// Operators who sign in with a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorsSignIn {
    /// The name of their sign-in.
    pub name: String,
    /// Their ids; everyone who meets the rule if absent.
    pub users: Option<BTreeSet<String>>,
    /// What they have to meet: MFA, whatever else it asks for.
    pub rule: Rule,
}

/// Reads who of those that sign in is an operator.
pub(super) fn read(
    path: &str,
    file: &file::OperatorsSignIn,
    sign_ins: &[file::SignIn],
    names: &names::Names,
    problems: &mut Problems<'_>,
) -> OperatorsSignIn {
    if !sign_ins.iter().any(|sign_in| sign_in.name == file.name) {
        let known: Vec<&str> = sign_ins.iter().map(|sign_in| sign_in.name.as_str()).collect();
        let fix = if known.is_empty() {
            "add `sign_in` with an entry of this name, whose `public_url` is this listener".to_owned()
        } else {
            suggest(&file.name, &known)
        };
        problems.add(&format!("{path}.name"), format!("there is no sign-in `{}`", file.name), fix);
    }
    // Otherwise every user of the issuer who did MFA would be an operator of the gateway before it.
    if file.users.is_none() && file.roles.is_none() {
        let message = "every user of the issuer would be an operator";
        problems.add(
            path,
            message,
            "list the `users` who are operators, or the `roles` of which one makes an operator",
        );
    }
    let users = file.users.as_ref();
    if users.is_some_and(|users| users.is_empty() || users.iter().any(|user| user.trim().is_empty())) {
        let message = "there is no user, or an empty id";
        problems.add(&format!("{path}.users"), message, "list the users' object ids (`oid`)");
    }
    let max_age = optional_duration(&format!("{path}.max_age"), file.max_age.as_deref(), problems);
    let tenants = file.tenants.as_ref().map(|tenants| tenant_ids(&format!("{path}.tenants"), tenants, problems));
    let needed = file.roles.as_ref();
    let rule = Rule {
        app_only: AppOnlyRule::Deny,
        tenants,
        roles: needed.map(|needed| roles::of_route(&format!("{path}.roles"), needed, &names.roles, problems)),
        ..Requirement::Mfa { max_age }.into()
    };
    OperatorsSignIn { name: file.name.clone(), users: users.map(|users| users.iter().cloned().collect()), rule }
}

/// The name of the sign-in that is for operators, if one is.
pub(super) fn name(file: &file::File) -> Option<&str> {
    Some(file.admin.as_ref()?.authentication.as_ref()?.sign_in.as_ref()?.name.as_str())
}

/// The host at which operators' browsers see the listener.
pub(super) fn host(name: &str, sign_ins: &[file::SignIn]) -> Option<String> {
    let sign_in = sign_ins.iter().find(|sign_in| sign_in.name == name)?;
    Url::parse(&sign_in.public_url).ok()?.host_str().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Config;

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0, authentication: { sign_in: { OPERATORS } } }
issuers: [{ name: idp, issuer: https://idp.example/, audiences: [api] }]
roles: [{ name: Operator, any: [{ claim: groups, contains: g }] }]
sign_in:
  - { name: staff, issuer: idp, public_url: \"https://admin.example\", client_id: c, client_secret_file: SECRET,
      session: { cookie: staff } }
  - { name: portal, issuer: idp, public_url: \"https://portal.example\", client_id: c, client_secret_file: SECRET }
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /, upstream: api, ROUTE }]
";

    fn read(operators: &str, route: &str) -> Result<Config, Vec<String>> {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "secret-of-the-client").unwrap();
        let text = FILE.replace("OPERATORS", operators).replace("ROUTE", route);
        let text = text.replace("SECRET", secret.path().to_str().unwrap());
        let config = Config::parse("f", &text, HashMap::new());
        config.map_err(|error| error.problems().iter().map(|problem| problem.field.clone()).collect())
    }

    #[test]
    fn operators_are_told_from_the_issuers_other_users() {
        for good in ["users: [u]", "roles: [Operator]", "users: [u], roles: [Operator], max_age: 8h"] {
            assert!(read(&format!("name: staff, {good}"), "require: mfa").is_ok(), "{good}");
        }
        let path = "admin.authentication.sign_in";
        for (bad, field) in [
            ("name: staff", ""),
            ("name: staff, tenants: [df845f1a-7b35-40a2-ba78-6481de91f8ae]", ""),
            ("name: nobody, users: [u]", ".name"),
            ("name: staff, users: []", ".users"),
            ("name: staff, users: [\" \"]", ".users"),
            ("name: staff, roles: []", ".roles"),
            ("name: staff, roles: [Boss]", ".roles[0]"),
            ("name: staff, users: [u], max_age: 0s", ".max_age"),
        ] {
            assert_eq!(read(bad, "require: mfa").unwrap_err()[0], format!("{path}{field}"), "{bad}");
        }
    }

    #[test]
    fn routes_take_no_sessions_of_operators_and_the_other_sign_in_is_the_only_one() {
        let config = read("name: staff, users: [u]", "credential: session").unwrap();
        assert_eq!(config.routes[0].sessions.map(|usage| usage.sign_in.0), Some(1));
        assert_eq!(config.sign_ins.iter().map(|one| one.for_operators).collect::<Vec<_>>(), [true, false]);
        assert_eq!(config.admin.unwrap().hosts, ["admin.example"], "the listener is served by its name");
        let named = read("name: staff, users: [u]", "credential: session, sign_in: staff");
        assert_eq!(named.unwrap_err(), ["routes[0].sign_in"]);
    }
}
