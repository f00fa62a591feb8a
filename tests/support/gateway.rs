//! A running gateway and what stands around it.

use std::collections::HashMap;
use std::net::SocketAddr;

use mfa_gateway::App;
use mfa_gateway::config::Config;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::random::Random;
use mfa_gateway_demo::people::{self, Person};
use mfa_gateway_demo::provider::{IdentityProvider, TokenOptions};
use serde_json::{Value, json};

use super::{Answer, Call, Http1, Recorder};

/// When the tests begin.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The audience of every token.
pub(crate) const AUDIENCE: &str = people::DEFAULT_AUDIENCE;

/// The surroundings of a gateway: an identity provider, a backend that records, and a clock that stands still.
pub(crate) struct World {
    pub(crate) provider: IdentityProvider,
    pub(crate) upstream: Recorder,
    pub(crate) clock: Clock,
    variables: Vec<(&'static str, String)>,
}

/// A running gateway in its world.
pub(crate) struct Gateway {
    app: App,
    pub(crate) world: World,
}

/// The configuration that most tests need. Variables come from the [`World`].
pub(crate) const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { path: /healthz, upstream: api, require: public }
  - { prefix: /signed-in/, upstream: api, require: authenticated }
  - { prefix: /v1/, upstream: api }
";

impl World {
    /// Surroundings with a clock that stands at [`START`].
    pub(crate) async fn new() -> Self {
        Self::at(Clock::manual(START), Recorder::start().await).await
    }

    /// Surroundings with this clock and backend.
    pub(crate) async fn at(clock: Clock, upstream: Recorder) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let provider = IdentityProvider::start(address, clock.clone(), people::everyone()).await.unwrap();
        let variables =
            [("ISSUER", provider.issuer().to_owned()), ("JWKS_URI", provider.jwks_uri()), ("UPSTREAM", upstream.url())];
        Self { provider, upstream, clock, variables: variables.into() }
    }

    /// The same, with one more variable for configurations.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// A configuration with the variables put in.
    pub(crate) fn text(&self, text: &str) -> String {
        put_in(text, &self.variables)
    }

    /// Reads a configuration, with the variables put in.
    pub(crate) fn config(&self, text: &str) -> Config {
        config(text, &self.variables)
    }

    /// Starts a gateway and waits for its first attempt to fetch keys.
    pub(crate) async fn gateway(self, text: &str) -> Gateway {
        let app = App::start(self.config(text), self.clock.clone(), Random::seeded(7)).await.unwrap();
        super::within("the keys", app.ready()).await;
        Gateway { app, world: self }
    }
}

impl Gateway {
    /// A gateway with [`CONFIG`].
    pub(crate) async fn start() -> Self {
        World::new().await.gateway(CONFIG).await
    }

    /// A gateway with another configuration in the usual world.
    pub(crate) async fn with(text: &str) -> Self {
        World::new().await.gateway(text).await
    }

    /// Where it takes traffic.
    pub(crate) fn address(&self) -> SocketAddr {
        self.app.addresses()[0]
    }

    /// Where an authorizer is, by its place in the configuration.
    pub(crate) fn authorizer_address(&self, place: usize) -> SocketAddr {
        self.app.authorizer_addresses()[place]
    }

    /// Where the admin listener is.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.app.admin_address().unwrap()
    }

    /// Takes another configuration into use.
    pub(crate) fn reload(&self, text: &str) {
        self.app.reload(self.world.config(text)).unwrap();
    }

    /// Has it finish, as on SIGTERM.
    pub(crate) async fn drain(self) {
        super::within("the gateway to end", self.app.drain()).await;
    }

    /// Ends it, and starts another in the same world.
    pub(crate) async fn restarted(self, text: &str) -> Self {
        super::within("the gateway to end", self.app.drain()).await;
        self.world.gateway(text).await
    }

    /// Sends one request over a connection of its own.
    pub(crate) async fn send(&self, call: &Call) -> Answer {
        Http1::connect(self.address()).await.send(call).await
    }

    /// Sends `GET` with a token.
    pub(crate) async fn get(&self, target: &str, token: &str) -> Answer {
        self.send(&Call::get(target).bearer(token)).await
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        self.admin_send(&Call::get(path)).await
    }

    /// Sends the admin listener one request over a connection of its own.
    pub(crate) async fn admin_send(&self, call: &Call) -> Answer {
        Http1::connect(self.admin_address()).await.send(call).await
    }

    /// The value of a metric, by the whole of its name and labels; 0 if it has none yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.admin("/metrics").await.body;
        let text = String::from_utf8(text.to_vec()).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// A token of a person.
    pub(crate) fn token(&self, person: &Person) -> String {
        self.world.provider.access_token_for(person, &TokenOptions::default())
    }

    /// Jane's token: a user with MFA.
    pub(crate) fn jane(&self) -> String {
        self.token(&people::jane())
    }

    /// John's token: a user without MFA.
    pub(crate) fn john(&self) -> String {
        self.token(&people::john())
    }

    /// Jane's claims, changed.
    pub(crate) fn claims(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = self.world.provider.claims_for(&people::jane(), &TokenOptions::default());
        change(&mut claims);
        claims
    }

    /// A token of the provider's with Jane's claims, changed.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Value)) -> String {
        self.world.provider.mint(&self.claims(change))
    }

    /// A token of the provider's with Jane's claims but for one.
    pub(crate) fn without(&self, claim: &str) -> String {
        self.changed(|claims| drop(claims.as_object_mut().unwrap().remove(claim)))
    }

    /// The header of the provider's tokens.
    pub(crate) fn header(&self) -> Value {
        let token = self.jane();
        serde_json::from_slice(&super::signer::decode(token.split('.').next().unwrap())).unwrap()
    }

    /// Asserts that a token is refused as invalid: 401, no word of MFA, nothing upstream.
    pub(crate) async fn refuses(&self, what: &str, token: &str, reason: &str) {
        let before = self.world.upstream.count();
        let answer = self.get("/v1/customers", token).await;
        assert_invalid(what, &answer, reason);
        assert_eq!(self.world.upstream.count(), before, "{what}: the upstream was reached");
    }
}

/// Reads a configuration. Every `${NAME}` is put in before it is parsed, in quotes and flow style too.
pub(crate) fn config(text: &str, variables: &[(&str, String)]) -> Config {
    let text = put_in(text, variables);
    Config::parse("test.yaml", &text, HashMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn put_in(text: &str, variables: &[(&str, String)]) -> String {
    let put_in = |text: String, (name, value): &(&str, String)| text.replace(&format!("${{{name}}}"), value);
    variables.iter().fold(text.to_owned(), put_in)
}

/// Asserts the answer to an invalid token (SECURITY 11).
pub(crate) fn assert_invalid(what: &str, answer: &Answer, reason: &str) {
    assert_eq!((answer.code(), answer.refusal().as_str()), (401, reason), "{what}");
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#), "{what}");
    assert_eq!(answer.reason, None, "{what}: an odd reason phrase");
    let body = String::from_utf8(answer.body.to_vec()).unwrap().to_ascii_lowercase();
    assert!(!body.contains("mfa") && !body.contains("seen"), "{what}: {body}");
}

/// The claims of a user with MFA of any issuer.
pub(crate) fn user_claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "exp": START.as_secs() + 3600, "nbf": START.as_secs(), "iat": START.as_secs(),
        "sub": "subject", "oid": "4988e250-5aee-482a-9136-6d269cb755c0", "appid": people::PUBLIC_CLIENT_ID,
        "scp": "user_impersonation", "amr": ["pwd", "mfa"], "auth_time": START.as_secs(), "name": "Jane",
    })
}
