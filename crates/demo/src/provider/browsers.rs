//! Who is signed in at the provider, in which browser. A cookie names the browser and says nothing else.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::{ACCEPT, COOKIE};

use super::shape::Shape;
use crate::people::Client;
use mfa_gateway_core::clock::Timestamp;

/// Browsers beyond this many push out the one that came first.
const MAX_BROWSERS: usize = 20_000;

/// A session of one user in one browser.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The user's short name.
    pub(crate) login: String,
    /// The session's id, `sid` in tokens.
    pub(crate) sid: String,
    /// When the user gave the first factor.
    pub(crate) auth_time: Timestamp,
    /// The tenants in which MFA was completed since.
    pub(crate) mfa_in: Vec<String>,
    /// The applications that the user signed in to, and at which endpoint.
    pub(crate) clients: Vec<(Client, Shape)>,
}

/// What a request says about the browser it comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    /// The browser's id, if it has one.
    pub(crate) browser: Option<String>,
    /// Whether it shows pages.
    pub(crate) shows_pages: bool,
}

/// All browsers, the one that came first at the front.
#[derive(Debug, Default)]
pub(crate) struct Browsers(Mutex<VecDeque<Browser>>);

#[derive(Debug)]
struct Browser {
    id: String,
    accounts: Vec<Account>,
}

impl Visitor {
    /// Reads a request's fields.
    pub(crate) fn of(headers: &HeaderMap, cookie: &str) -> Self {
        let text = |name| headers.get_all(name).iter().filter_map(|value: &http::HeaderValue| value.to_str().ok());
        let mut pairs = text(COOKIE).flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let browser = pairs.find(|(name, _)| *name == cookie).map(|(_, value)| value.to_owned());
        Self { browser, shows_pages: text(ACCEPT).any(|value| value.contains("text/html")) }
    }
}

impl Browsers {
    /// The sessions in a browser.
    pub(crate) fn accounts(&self, browser: &str) -> Vec<Account> {
        let browsers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.iter().find(|known| known.id == browser).map(|known| known.accounts.clone()).unwrap_or_default()
    }

    /// Keeps a session in a browser, in place of the one of the same user.
    pub(crate) fn keep(&self, browser: &str, account: Account) {
        let mut browsers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = browsers.iter_mut().find(|known| known.id == browser) {
            known.accounts.retain(|other| other.login != account.login);
            known.accounts.push(account);
            return;
        }
        if browsers.len() >= MAX_BROWSERS {
            browsers.pop_front();
        }
        browsers.push_back(Browser { id: browser.to_owned(), accounts: vec![account] });
    }

    /// Ends the sessions that `ends` chooses, by browser and session, and returns them.
    pub(crate) fn end(&self, ends: impl Fn(&str, &Account) -> bool) -> Vec<Account> {
        let mut browsers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ended = Vec::new();
        for browser in browsers.iter_mut() {
            let id = &browser.id;
            ended.extend(browser.accounts.extract_if(.., |account| ends(id, account)));
        }
        browsers.retain(|browser| !browser.accounts.is_empty());
        ended
    }

    /// The ids of a user's sessions, the latest last.
    pub(crate) fn sids_of(&self, login: &str) -> Vec<String> {
        let browsers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = browsers.iter().flat_map(|browser| &browser.accounts);
        accounts.filter(|account| account.login == login).map(|account| account.sid.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn account(login: &str, sid: &str) -> Account {
        let (login, sid) = (login.to_owned(), sid.to_owned());
        Account { login, sid, auth_time: Timestamp::from_secs(0), mfa_in: Vec::new(), clients: Vec::new() }
    }

    #[test]
    fn a_browser_is_known_by_its_cookie() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("other=1; idp=b7"));
        headers.append(ACCEPT, HeaderValue::from_static("text/html,*/*"));
        let visitor = Visitor::of(&headers, "idp");
        assert_eq!((visitor.browser.as_deref(), visitor.shows_pages), (Some("b7"), true));
        assert_eq!(Visitor::of(&HeaderMap::new(), "idp").browser, None);
    }

    #[test]
    fn a_session_ends_alone() {
        let browsers = Browsers::default();
        browsers.keep("b1", account("jane", "s1"));
        browsers.keep("b1", account("john", "s2"));
        browsers.keep("b2", account("jane", "s3"));
        assert_eq!(browsers.sids_of("jane"), ["s1", "s3"]);
        let ended = browsers.end(|browser, account| browser == "b1" && account.login == "jane");
        assert_eq!(ended.iter().map(|account| account.sid.as_str()).collect::<Vec<_>>(), ["s1"]);
        assert_eq!((browsers.accounts("b1").len(), browsers.accounts("b2").len()), (1, 1));
    }
}
