//! The running provider, as the demo and the tests drive it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::authorize::forget_registrations;
use super::back_channel::{self, Delivery, end_sessions};
use super::clients::Registration;
use super::counters::Counts;
use super::directory::Directory;
use super::faults::Faults;
use super::keys::KeyRing;
use super::loopback::LoopbackServer;
use super::routes;
use super::shape::Shape;
use super::state::State;
use super::tokens::{self, TokenOptions};
use crate::people::{CONFIDENTIAL_CLIENT_ID, CONTOSO, Client, DEFAULT_AUDIENCE, Person};
use mfa_gateway_core::clock::Clock;

/// A running identity provider; it stops when it is dropped.
pub struct IdentityProvider {
    state: Arc<State>,
    server: LoopbackServer,
}

impl IdentityProvider {
    /// Starts a provider for these people on a loopback address; port 0 takes a free one.
    pub async fn start(address: SocketAddr, clock: Clock, people: Vec<Person>) -> io::Result<Self> {
        let listener = LoopbackServer::bind(address).await?;
        // The slash makes the issuer a URL in its normal form, so clients that parse it and write it back still find
        // it equal. OpenID Connect Discovery §4 takes it away again before it appends the well-known path.
        let issuer = format!("http://{}/", listener.local_addr()?);
        let keys = tokio::task::spawn_blocking(KeyRing::generate).await?;
        let keys = keys.map_err(|_| io::Error::other("could not make a signing key"))?;
        let state = Arc::new(State::new(issuer, clock, people, keys));
        let shared = Arc::clone(&state);
        let server = LoopbackServer::serve(listener, move |request| routes::answer(Arc::clone(&shared), request))?;
        Ok(Self { state, server })
    }

    /// The issuer, exactly as it stands in `iss`: `http://127.0.0.1:{port}/`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// Where the key set is.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        format!("{}keys", self.state.issuer)
    }

    /// Where the provider listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Signs with a new key from now on and returns its id; the old keys stay published unless they are dropped.
    #[must_use = "the id tells the new key from the old ones"]
    pub fn rotate(&self, drop_old: bool) -> String {
        self.state.keys.rotate(drop_old)
    }

    /// Signs any claims with the current key.
    #[must_use]
    pub fn mint(&self, claims: &Value) -> String {
        self.state.keys.sign(claims)
    }

    /// Signs any header and payload with the current key; the signature is RS256 whatever the header says.
    #[must_use]
    pub fn sign_with(&self, header: &Value, payload: &Value) -> String {
        self.state.keys.sign_with(header, payload)
    }

    /// A fresh access token, as the token endpoint would issue it.
    #[must_use]
    pub fn access_token_for(&self, person: &Person, options: &TokenOptions) -> String {
        self.mint(&self.claims_for(person, options))
    }

    /// The claims of such an access token, to be changed and then minted.
    #[must_use]
    pub fn claims_for(&self, person: &Person, options: &TokenOptions) -> Value {
        tokens::access_claims(&self.state.issuer, person, options, self.state.clock.now())
    }

    /// A fresh app-only token of the daemon.
    #[must_use]
    pub fn app_token(&self) -> String {
        self.mint(&self.app_claims())
    }

    /// A program's own token at Contoso.
    #[must_use]
    pub fn app_token_of(&self, program: Client) -> String {
        self.mint(&self.claims_of(program))
    }

    /// The claims of the daemon's token, to be changed and then minted.
    #[must_use]
    pub fn app_claims(&self) -> Value {
        let daemon = Client::find(CONFIDENTIAL_CLIENT_ID);
        daemon.map_or(Value::Null, |daemon| self.claims_of(daemon))
    }

    fn claims_of(&self, program: Client) -> Value {
        tokens::app_claims(&self.state.issuer, program, CONTOSO, DEFAULT_AUDIENCE, self.state.clock.now())
    }

    /// How often the key set was asked for, answered or not.
    #[must_use]
    pub fn key_fetches(&self) -> u64 {
        self.counts().keys
    }

    /// How often the metadata was asked for, answered or not.
    #[must_use]
    pub fn discovery_fetches(&self) -> u64 {
        self.counts().discovery
    }

    /// How often each endpoint was asked, answered or not.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counters.now()
    }

    /// What the provider does wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// What other services of the demo may know of the provider.
    #[must_use]
    pub fn directory(&self) -> Directory {
        Directory::new(Arc::clone(&self.state))
    }

    /// Registers an application anew, by its id.
    pub fn register(&self, client_id: &str, registration: Registration) {
        self.state.clients.register(client_id, registration);
    }

    /// Forgets who has registered for MFA.
    pub fn forget_registrations(&self) {
        forget_registrations(&self.state);
    }

    /// The ids of a user's sessions at the provider, the latest last.
    #[must_use]
    pub fn sessions_of(&self, login: &str) -> Vec<String> {
        self.state.browsers.sids_of(login)
    }

    /// Ends all sessions of a user with their refresh tokens, as an admin does, and tells the applications.
    pub async fn end_sessions_of(&self, login: &str) -> Vec<Delivery> {
        end_sessions(&self.state, true, |_, account| account.login == login).await.1
    }

    /// The claims of a logout token for this session of a person, to be changed and then signed: by
    /// [`sign_with`](Self::sign_with) with the `typ` `logout+jwt`.
    #[must_use]
    pub fn logout_claims(&self, person: &Person, client: Client, sid: &str) -> Value {
        back_channel::claims(&self.state, person, client, Shape::GENERIC, sid)
    }

    /// The header of the provider's tokens, to be changed and then signed with.
    #[must_use]
    pub fn header(&self) -> Value {
        self.state.keys.header()
    }

    /// Closes every connection that asks something without a response, or answers again.
    pub fn go_dark(&self, dark: bool) {
        self.state.dark.store(dark, Ordering::Relaxed);
    }

    /// Delays every response by this long.
    pub fn slow_down(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.state.delay_millis.store(millis, Ordering::Relaxed);
    }

    /// Stops, and waits until the port is free again.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

impl std::fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityProvider").field("issuer", &self.state.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::people::everyone;

    async fn get(provider: &IdentityProvider, path: &str) -> String {
        let mut stream = TcpStream::connect(provider.address()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_publishes_counts_goes_dark_and_comes_back() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let provider = IdentityProvider::start(address, Clock::system(), everyone()).await.unwrap();
        let metadata = get(&provider, "/.well-known/openid-configuration").await;
        assert!(metadata.contains(&format!("\"issuer\": \"{}\"", provider.issuer())));
        assert!(metadata.contains(&format!("\"jwks_uri\": \"{}\"", provider.jwks_uri())));
        provider.go_dark(true);
        assert_eq!(get(&provider, "/keys").await, "");
        provider.go_dark(false);
        assert!(get(&provider, "/keys").await.starts_with("HTTP/1.1 200"));
        assert_eq!((provider.discovery_fetches(), provider.key_fetches()), (1, 2));
    }
}
