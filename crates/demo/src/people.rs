//! Who the demo knows: the people of the mission's verification examples, the daemon, and their applications.
//!
//! Identifiers never change, so that rules, tests and screenshots can name them.

/// The audience of a token when nobody asks for another.
pub const DEFAULT_AUDIENCE: &str = "https://api.partnercenter.microsoft.com";

/// The public application that people sign in to; it has no secret (RFC 6749 §2.1).
pub const PUBLIC_CLIENT_ID: &str = "23ec45a3-5127-4185-9eff-c8887839e6ab";

/// The confidential application: a web application for people, and the daemon that runs at night.
pub const CONFIDENTIAL_CLIENT_ID: &str = "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4";

/// The confidential application's secret. It guards a demo on loopback and nothing else.
pub const DEMO_ONLY_CLIENT_SECRET: &str = "demo-only-secret";

/// The web portal that people sign in to through the gateway.
pub const PORTAL_CLIENT_ID: &str = "e0b7c4d2-5a19-4f83-9c6e-1d27a8f0b365";

/// The portal's secret. It guards a demo on loopback and nothing else.
pub const DEMO_ONLY_PORTAL_SECRET: &str = "demo-only-portal-secret";

/// The program of Contoso that runs at night.
pub const NIGHTLY_CLIENT_ID: &str = "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8";

/// The nightly program's secret. It guards a demo on loopback and nothing else.
pub const DEMO_ONLY_NIGHTLY_SECRET: &str = "demo-only-nightly-secret";

/// The application of a control panel vendor, which partners use for their customers.
pub const VENDOR_CLIENT_ID: &str = "a7c3e5f1-94b8-4d02-b61e-3c8d7f2059ea";

/// The vendor's secret. It guards a demo on loopback and nothing else.
pub const DEMO_ONLY_VENDOR_SECRET: &str = "demo-only-vendor-secret";

/// Contoso's tenant, which has MFA for all its users.
pub const CONTOSO: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";

/// Wingtip's tenant, whose users complete MFA at a federated provider.
pub const WINGTIP: &str = "5d0c9f3e-8a41-4f0b-9a66-0b7f6e2d4c18";

/// Fabrikam's tenant, which has no MFA at all.
pub const FABRIKAM: &str = "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25";

/// The object id of the daemon's service principal.
pub const DAEMON_OBJECT_ID: &str = "c6a8e1d4-70b2-4e39-8f5d-2a9b6c1e0d73";

/// The application role of the daemon.
pub const DAEMON_ROLE: &str = "Customers.Read.All";

/// The group of the admin agents.
pub const ADMIN_AGENTS: &str = "8d1c6f0e-3b52-4a97-a4d8-5e7f20c9b613";

/// The group of the sales agents.
pub const SALES_AGENTS: &str = "2f94b7a3-c60d-4e18-b5f1-90a3d8e6427c";

/// The group of the helpdesk agents.
pub const HELPDESK_AGENTS: &str = "b65e03d9-718f-4c2a-8e46-c1f7529d0ab8";

/// The directory role Global Administrator, the same in every tenant of Entra.
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// The directory role Billing Administrator, the same in every tenant of Entra.
pub const BILLING_ADMINISTRATOR: &str = "b0f54661-2d74-4c50-afa3-1ec803f12efe";

/// The method in `amr` that says MFA (RFC 8176 §2).
pub(crate) const MFA: &str = "mfa";

/// An application that may ask for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The application's id, `appid` in its tokens.
    pub id: &'static str,
    /// Its secret, if it can keep one.
    pub secret: Option<&'static str>,
    /// The object id of its service principal, if it may have app-only tokens.
    pub principal: Option<&'static str>,
}

impl Client {
    /// Finds the application with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        [
            Self { id: PUBLIC_CLIENT_ID, secret: None, principal: None },
            Self { id: PORTAL_CLIENT_ID, secret: Some(DEMO_ONLY_PORTAL_SECRET), principal: None },
            Self::program(CONFIDENTIAL_CLIENT_ID, DEMO_ONLY_CLIENT_SECRET, DAEMON_OBJECT_ID),
            Self::program(NIGHTLY_CLIENT_ID, DEMO_ONLY_NIGHTLY_SECRET, "e4f81b6d-03c9-4a72-95de-71c0b8a6d35f"),
            Self::program(VENDOR_CLIENT_ID, DEMO_ONLY_VENDOR_SECRET, "1fd5c7a2-68be-4093-a4f7-d02b95e86c41"),
        ]
        .into_iter()
        .find(|client| client.id == id)
    }

    const fn program(id: &'static str, secret: &'static str, principal: &'static str) -> Self {
        Self { id, secret: Some(secret), principal: Some(principal) }
    }

    /// The value of `appidacr`: `0` for a public application, `1` for one that showed a secret.
    #[must_use]
    pub fn appidacr(&self) -> &'static str {
        if self.secret.is_some() { "1" } else { "0" }
    }
}

/// Someone who can sign in, and the proof that their sign-in leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The short name that `login_hint` gives.
    pub login: String,
    /// The first name.
    pub given_name: String,
    /// The last name.
    pub family_name: String,
    /// The company they work for.
    pub company: String,
    /// The sign-in name, `upn` in tokens.
    pub upn: String,
    /// Their company's tenant, `tid` in tokens.
    pub tenant_id: String,
    /// Their account in that tenant, `oid` in tokens.
    pub object_id: String,
    /// How they sign in, `amr` in tokens; `None` leaves the claim out.
    pub amr: Option<Vec<String>>,
    /// The groups they are in, `groups` in tokens; an empty list leaves the claim out.
    pub groups: Vec<String>,
    /// Their directory roles, `wids` in tokens; an empty list leaves the claim out.
    pub wids: Vec<String>,
}

impl Person {
    /// The name as people say it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// The claim `login_hint`, which names them without telling their name, as Entra's does.
    #[must_use]
    pub fn login_hint(&self) -> String {
        format!("O.{}", self.object_id)
    }

    /// The same person, signing in another way.
    #[must_use]
    pub fn with_amr(mut self, amr: Option<&[&str]>) -> Self {
        self.amr = amr.map(|methods| methods.iter().map(|&method| method.to_owned()).collect());
        self
    }

    /// The same person, in other groups.
    #[must_use]
    pub fn with_groups(mut self, groups: &[&str]) -> Self {
        self.groups = groups.iter().map(|&group| group.to_owned()).collect();
        self
    }

    /// The same person, with other directory roles.
    #[must_use]
    pub fn with_wids(mut self, wids: &[&str]) -> Self {
        self.wids = wids.iter().map(|&role| role.to_owned()).collect();
        self
    }

    /// Whether every sign-in of this person brings MFA.
    #[must_use]
    pub fn always_completes_mfa(&self) -> bool {
        self.amr.iter().flatten().any(|method| method == MFA)
    }

    /// Whether their company sends them to its own identity provider.
    #[must_use]
    pub fn is_federated(&self) -> bool {
        self.amr.iter().flatten().any(|method| method == "fed")
    }

    fn new([login, given_name, family_name]: [&str; 3], company: &str, [tenant_id, object_id]: [&str; 2]) -> Self {
        Self {
            login: login.to_owned(),
            given_name: given_name.to_owned(),
            family_name: family_name.to_owned(),
            company: company.to_owned(),
            upn: format!("{login}@{}.example", company.to_lowercase()),
            tenant_id: tenant_id.to_owned(),
            object_id: object_id.to_owned(),
            amr: None,
            groups: Vec::new(),
            wids: Vec::new(),
        }
    }
}

/// Jane of Contoso, an admin agent who completes MFA with every sign-in (the mission's example 1).
#[must_use]
pub fn jane() -> Person {
    let ids = [CONTOSO, "4988e250-5aee-482a-9136-6d269cb755c0"];
    Person::new(["jane", "Jane", "Doe"], "Contoso", ids).with_amr(Some(&["pwd", "mfa"])).with_groups(&[ADMIN_AGENTS])
}

/// Trent of Wingtip, a helpdesk agent who completes MFA at his company's own provider (the mission's example 2).
#[must_use]
pub fn trent() -> Person {
    let ids = [WINGTIP, "7e2b90c1-46fd-4a83-b1de-35c8f9a6042b"];
    Person::new(["trent", "Trent", "Miller"], "Wingtip", ids)
        .with_amr(Some(&["fed", "mfa"]))
        .with_groups(&[HELPDESK_AGENTS])
}

/// John of Fabrikam, a sales agent who signs in with a password only (the mission's example 3).
#[must_use]
pub fn john() -> Person {
    let ids = [FABRIKAM, "1d6f3ab7-9c58-4e02-87b4-e0a2c5d91f36"];
    Person::new(["john", "John", "Smith"], "Fabrikam", ids).with_amr(Some(&["pwd"])).with_groups(&[SALES_AGENTS])
}

/// Casey of Contoso, whose tokens don't say how the sign-in was done: absent `amr` is not the same fault as no MFA.
#[must_use]
pub fn casey() -> Person {
    let ids = [CONTOSO, "a30c84f9-b7e5-4d11-96c2-58d0f3e7b62a"];
    Person::new(["casey", "Casey", "Jones"], "Contoso", ids)
}

/// Adele of Contoso, an admin agent.
#[must_use]
pub fn adele() -> Person {
    of_contoso(["adele", "Adele", "Vance"], "f3b8d201-6e4c-4a75-93d0-7c1e58a2b9f4").with_groups(&[ADMIN_AGENTS])
}

/// Sam of Contoso, a sales agent.
#[must_use]
pub fn sam() -> Person {
    of_contoso(["sam", "Sam", "Rivera"], "09c5e7b6-d842-4f31-8a6b-e3d90f17c258").with_groups(&[SALES_AGENTS])
}

/// Helen of Contoso, a helpdesk agent.
#[must_use]
pub fn helen() -> Person {
    of_contoso(["helen", "Helen", "Wilson"], "5ad2740f-1b93-4ce8-b760-48f6c2e1d93a").with_groups(&[HELPDESK_AGENTS])
}

/// Gloria of Contoso, a global administrator.
#[must_use]
pub fn gloria() -> Person {
    of_contoso(["gloria", "Gloria", "Keller"], "c71f94e8-a05d-4b26-9e13-26d8b3f70c5b")
        .with_wids(&[GLOBAL_ADMINISTRATOR])
}

/// Bill of Contoso, a billing administrator.
#[must_use]
pub fn bill() -> Person {
    of_contoso(["bill", "Bill", "Cohen"], "84e6b1c3-f927-4d50-a8b4-93e0d75f2a16").with_wids(&[BILLING_ADMINISTRATOR])
}

/// The account that Contoso's nightly program acts for, with the one role that it needs.
#[must_use]
pub fn nightly() -> Person {
    of_contoso(["nightly", "Nightly", "Service"], "6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10").with_groups(&[ADMIN_AGENTS])
}

fn of_contoso(names: [&str; 3], object_id: &str) -> Person {
    Person::new(names, "Contoso", [CONTOSO, object_id]).with_amr(Some(&["pwd", MFA]))
}

/// Everyone the demo knows.
#[must_use]
pub fn everyone() -> Vec<Person> {
    vec![jane(), trent(), john(), casey(), adele(), sam(), helen(), gloria(), bill(), nightly()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_john_and_casey_complete_mfa() {
        let without = |person: &Person| !person.always_completes_mfa();
        let logins: Vec<_> = everyone().into_iter().filter(without).map(|person| person.login).collect();
        assert_eq!(logins, ["john", "casey"]);
    }

    #[test]
    fn every_role_has_someone_who_has_no_other() {
        let roles = [ADMIN_AGENTS, SALES_AGENTS, HELPDESK_AGENTS, GLOBAL_ADMINISTRATOR, BILLING_ADMINISTRATOR];
        for (person, role) in [adele(), sam(), helen(), gloria(), bill()].iter().zip(roles) {
            assert_eq!([&person.groups[..], &person.wids[..]].concat(), [role], "{}", person.login);
        }
    }

    #[test]
    fn nobody_shares_an_account_or_a_name() {
        let people = everyone();
        for of in [|person: &Person| person.login.clone(), |person: &Person| person.object_id.clone(), Person::name] {
            let distinct: std::collections::BTreeSet<_> = people.iter().map(of).collect();
            assert_eq!(distinct.len(), people.len());
        }
    }

    #[test]
    fn an_unknown_client_is_not_found() {
        assert_eq!(Client::find(""), None);
        assert_eq!(Client::find(PUBLIC_CLIENT_ID).map(|client| client.appidacr()), Some("0"));
        assert_eq!(Client::find(CONFIDENTIAL_CLIENT_ID).map(|client| client.appidacr()), Some("1"));
    }
}
