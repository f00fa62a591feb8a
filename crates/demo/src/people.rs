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

/// An application that may ask for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The application's id, `appid` in its tokens.
    pub id: &'static str,
    /// Its secret, if it can keep one.
    pub secret: Option<&'static str>,
}

impl Client {
    /// Finds the application with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        [
            Self { id: PUBLIC_CLIENT_ID, secret: None },
            Self { id: CONFIDENTIAL_CLIENT_ID, secret: Some(DEMO_ONLY_CLIENT_SECRET) },
        ]
        .into_iter()
        .find(|client| client.id == id)
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
}

impl Person {
    /// The name as people say it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// The same person, signing in another way.
    #[must_use]
    pub fn with_amr(mut self, amr: Option<&[&str]>) -> Self {
        self.amr = amr.map(|methods| methods.iter().map(|&method| method.to_owned()).collect());
        self
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
        }
    }
}

/// Jane of Contoso, who completes MFA with every sign-in (the mission's example 1).
#[must_use]
pub fn jane() -> Person {
    let ids = [CONTOSO, "4988e250-5aee-482a-9136-6d269cb755c0"];
    Person::new(["jane", "Jane", "Doe"], "Contoso", ids).with_amr(Some(&["pwd", "mfa"]))
}

/// Trent of Wingtip, who completes MFA at his company's own provider (the mission's example 2).
#[must_use]
pub fn trent() -> Person {
    let ids = [WINGTIP, "7e2b90c1-46fd-4a83-b1de-35c8f9a6042b"];
    Person::new(["trent", "Trent", "Miller"], "Wingtip", ids).with_amr(Some(&["fed", "mfa"]))
}

/// John of Fabrikam, who signs in with a password only (the mission's example 3).
#[must_use]
pub fn john() -> Person {
    let ids = [FABRIKAM, "1d6f3ab7-9c58-4e02-87b4-e0a2c5d91f36"];
    Person::new(["john", "John", "Smith"], "Fabrikam", ids).with_amr(Some(&["pwd"]))
}

/// Casey of Contoso, whose tokens don't say how the sign-in was done: absent `amr` is not the same fault as no MFA.
#[must_use]
pub fn casey() -> Person {
    let ids = [CONTOSO, "a30c84f9-b7e5-4d11-96c2-58d0f3e7b62a"];
    Person::new(["casey", "Casey", "Jones"], "Contoso", ids)
}

/// Everyone the demo knows.
#[must_use]
pub fn everyone() -> Vec<Person> {
    vec![jane(), trent(), john(), casey()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_jane_and_trent_complete_mfa() {
        let with_mfa = |person: &Person| person.amr.iter().flatten().any(|method| method == "mfa");
        let logins: Vec<_> = everyone().into_iter().filter(with_mfa).map(|person| person.login).collect();
        assert_eq!(logins, ["jane", "trent"]);
    }

    #[test]
    fn an_unknown_client_is_not_found() {
        assert_eq!(Client::find(""), None);
        assert_eq!(Client::find(PUBLIC_CLIENT_ID).map(|client| client.appidacr()), Some("0"));
        assert_eq!(Client::find(CONFIDENTIAL_CLIENT_ID).map(|client| client.appidacr()), Some("1"));
    }
}
