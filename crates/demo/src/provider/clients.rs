//! What is registered for the applications, beyond their ids and secrets. Tests register what they need.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};

/// What an application has registered. Every address on this machine counts as registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Where codes may be sent.
    pub redirect_uris: BTreeSet<String>,
    /// Where browsers may be sent after a sign-out.
    pub post_logout_redirect_uris: BTreeSet<String>,
    /// Where logout tokens go (OpenID Connect Back-Channel Logout §2.2).
    pub backchannel_logout_uri: Option<String>,
    /// What is shown in a frame at a sign-out (OpenID Connect Front-Channel Logout §2).
    pub frontchannel_logout_uri: Option<String>,
    /// What the frame's address says.
    pub frontchannel_sends: FrontChannel,
    /// The keys of `private_key_jwt` (a JWK set). An application with keys has no secret.
    pub jwks: Option<Value>,
}

/// What the address of a front-channel sign-out says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrontChannel {
    /// `iss` and `sid`, as the standard has it.
    #[default]
    IssAndSid,
    /// `sid` alone, as Entra does.
    Sid,
    /// Nothing.
    Nothing,
}

/// The registrations, by the application's id.
#[derive(Debug, Default)]
pub(crate) struct Clients(Mutex<BTreeMap<String, Registration>>);

impl Clients {
    /// What is registered for an application.
    pub(crate) fn of(&self, id: &str) -> Registration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned().unwrap_or_default()
    }

    /// Registers an application anew.
    pub(crate) fn register(&self, id: &str, registration: Registration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), registration);
    }

    /// The address that codes for this application may be sent to, if it is one.
    pub(crate) fn redirect_uri(&self, id: &str, given: &str) -> Option<Url> {
        parse(given, |given| self.of(id).redirect_uris.contains(given))
    }

    /// The address that browsers may be sent to after a sign-out from this application, if it is one.
    pub(crate) fn post_logout_redirect_uri(&self, id: &str, given: &str) -> Option<Url> {
        parse(given, |given| self.of(id).post_logout_redirect_uris.contains(given))
    }
}

fn parse(given: &str, registered: impl Fn(&str) -> bool) -> Option<Url> {
    Url::parse(given).ok().filter(|url| is_loopback(url) || registered(given))
}

/// Any port will do, as RFC 8252 §7.3 has it for native applications.
fn is_loopback(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    let web = matches!(url.scheme(), "http" | "https");
    local && web && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_this_machine_are_redirected_to_unregistered() {
        let good = [
            "http://127.0.0.1:8080/callback?x=1",
            "http://localhost/",
            "http://[::1]:9/cb",
            "https://localhost:8443/cb",
        ];
        let bad = [
            "https://evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "http://user@localhost/",
            "http://localhost/#fragment",
            "ftp://localhost/",
            "javascript:alert(1)",
        ];
        for (addresses, expected) in [(&good[..], true), (&bad[..], false)] {
            for address in addresses {
                assert_eq!(Clients::default().redirect_uri("any", address).is_some(), expected, "{address}");
            }
        }
    }

    #[test]
    fn a_registered_address_is_redirected_to_if_it_is_exactly_that() {
        let clients = Clients::default();
        let redirect_uris = BTreeSet::from(["https://portal.example/callback".to_owned()]);
        clients.register("portal", Registration { redirect_uris, ..Registration::default() });
        assert!(clients.redirect_uri("portal", "https://portal.example/callback").is_some());
        assert!(clients.redirect_uri("portal", "https://portal.example/callback/").is_none());
        assert!(clients.redirect_uri("other", "https://portal.example/callback").is_none());
        assert!(clients.post_logout_redirect_uri("portal", "https://portal.example/callback").is_none());
    }
}
