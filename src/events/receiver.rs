//! The receiver of security event tokens (RFC 8935): from a delivery to what ends by it.

use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::Revocation;
use mfa_gateway_core::token::{EventKind, SecurityEvent, SecurityEventToken, TokenError, UnverifiedSecurityEvent};
use mfa_gateway_layer::EventVerifier;
use mfa_gateway_store::Once;

use super::effect::Effect;
use super::lines::Lines;
use super::refused::Refused;
use super::revoked::Revoked;
use super::settings::TransmitterSettings;
use crate::oidc::Secret;
use crate::session::Sessions;

/// What counts once, in the store's words.
const KIND: &str = "security_event";

/// The longest token, in bytes.
const LONGEST: usize = 64 << 10;

/// A transmitter, with what verifies its tokens.
#[derive(Debug)]
pub(crate) struct Transmitter {
    /// What the configuration says of it.
    pub(crate) settings: TransmitterSettings,
    /// What verifies its tokens.
    pub(crate) verifier: EventVerifier,
}

/// What a transmitter sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'d> {
    /// The token.
    pub(crate) token: &'d str,
    /// The bearer token that it presents.
    pub(crate) bearer: Option<&'d str>,
}

/// Receives security event tokens.
#[derive(Debug)]
pub(crate) struct Receiver {
    transmitters: Vec<Transmitter>,
    revoked: Arc<Revoked>,
    sessions: Option<Arc<Sessions>>,
    keep: Duration,
    clock: Clock,
    lines: Lines,
}

impl Receiver {
    /// A receiver for these transmitters.
    pub(crate) fn new(
        transmitters: Vec<Transmitter>,
        (revoked, sessions): (Arc<Revoked>, Option<Arc<Sessions>>),
        keep: Duration,
        clock: Clock,
    ) -> Self {
        for transmitter in &transmitters {
            revoked.metrics.expect(&transmitter.settings.name);
        }
        Self { transmitters, revoked, sessions, keep, clock, lines: Lines::default() }
    }

    /// Takes a delivery. When it is accepted, what it ends has ended here and stands in the store, so that it ends on every
    /// replica within a second, restarts or not. One that was accepted before does nothing.
    ///
    /// # Errors
    ///
    /// If it isn't valid, or can't be judged or kept at the moment. Then it may be delivered again.
    pub(crate) async fn receive(&self, delivery: Delivery<'_>) -> Result<(), Refused> {
        let (name, result) = self.judge(delivery).await;
        match result {
            Ok(is_first) => {
                self.revoked.metrics.received(name, if is_first { "accepted" } else { "repeated" });
                Ok(())
            }
            Err(refused) => Err(self.not_accepted(name, refused)),
        }
    }

    /// Counts a delivery that holds no token.
    pub(crate) fn refuse(&self, refused: Refused) -> Refused {
        self.not_accepted("", refused)
    }

    fn not_accepted(&self, transmitter: &str, refused: Refused) -> Refused {
        let result = refused.result();
        self.revoked.metrics.received(transmitter, result);
        if let Some(others) = self.lines.due(transmitter, result, self.clock.now()) {
            let why = refused.why();
            tracing::warn!(transmitter, result, why, others, "a security event token was not accepted");
        }
        refused
    }

    /// Whose delivery it is, if that is known, and what becomes of it: whether it came for the first time.
    async fn judge(&self, delivery: Delivery<'_>) -> (&str, Result<bool, Refused>) {
        if delivery.token.len() > LONGEST {
            return ("", Err(Refused::because("invalid_request", "the token is longer than 64 KiB")));
        }
        let parsed = match UnverifiedSecurityEvent::parse(delivery.token) {
            Ok(parsed) => parsed,
            Err(error) => return ("", Err(error.into())),
        };
        let named = |one: &&Transmitter, issuer: &str| one.verifier.rules().issuer.trusts(issuer);
        let found = parsed.unverified().issuer().and_then(|issuer| {
            self.transmitters.iter().find(|one| named(one, issuer)).ok_or(TokenError::IssuerUnknown)
        });
        match found {
            Ok(transmitter) => (&transmitter.settings.name, self.accept(transmitter, parsed, delivery.bearer).await),
            Err(error) => ("", Err(error.into())),
        }
    }

    async fn accept(
        &self,
        transmitter: &Transmitter,
        parsed: UnverifiedSecurityEvent<'_>,
        bearer: Option<&str>,
    ) -> Result<bool, Refused> {
        let settings = &transmitter.settings;
        if !is_known(&settings.tokens, bearer) {
            let description = "the request has no Authorization field with a bearer token of this transmitter";
            return Err(Refused::because("authentication_failed", description));
        }
        let token = transmitter.verifier.verify(parsed).await?;
        let key = [&token.issuer, " ", &token.id].concat();
        let unavailable = |error: &mfa_gateway_store::StoreError| {
            tracing::warn!(error = chain(error), "the store takes no revocation");
            Refused::Unavailable("the store is unavailable")
        };
        if self.revoked.was_told(KIND, &key).await.map_err(|error| unavailable(&error))? {
            return Ok(false);
        }
        let ended = ended_by(settings, &token)?;
        // Ending sessions again does no harm, and the token counts as received only when all of it is done.
        for whose in ended.iter().flat_map(|(_, effect)| &effect.sessions) {
            if let Some(sessions) = &self.sessions {
                sessions.end(whose.clone(), KIND).await.map_err(|error| unavailable(&error))?;
            }
        }
        let until = self.clock.now().plus(self.keep);
        let all: Vec<_> = ended
            .iter()
            .filter_map(|(event, effect)| Some((event, effect, event.ends?)))
            .flat_map(|(event, effect, by)| {
                effect.keys.iter().map(move |key| Revocation::new(*key, by, event.at, until))
            })
            .collect();
        let told_by = Once { kind: KIND, key: &key, until: token.ends.as_secs() };
        let is_first = self.revoked.revoke(told_by, &all).await.map_err(|error| unavailable(&error))?;
        if is_first {
            self.tell(settings, &ended);
        }
        Ok(is_first)
    }

    fn tell(&self, settings: &TransmitterSettings, ended: &[(&SecurityEvent, Effect)]) {
        for (event, effect) in ended {
            let counts = event.ends.is_some() && settings.events.contains(&event.kind);
            let word = match (event.kind, effect.keys.is_empty()) {
                (EventKind::Other | EventKind::Verification, _) => "none",
                (_, false) => "revoked",
                (_, true) if counts => "unmatched",
                (_, true) => "none",
            };
            let (transmitter, kind, at) = (&settings.name, event.kind.name(), event.at);
            self.revoked.metrics.told(transmitter, kind, word);
            if word == "unmatched" {
                let message = "a security event names nobody by something that tokens have, and ends nothing";
                tracing::warn!(transmitter, event = kind, "{message}");
            } else {
                tracing::info!(transmitter, event = kind, effect = word, %at, "a security event was received");
            }
        }
    }
}

/// What each event of a token ends.
fn ended_by<'t>(
    settings: &TransmitterSettings,
    token: &'t SecurityEventToken,
) -> Result<Vec<(&'t SecurityEvent, Effect)>, Refused> {
    let effect = |event: &'t SecurityEvent| {
        let counts = event.ends.is_some() && settings.events.contains(&event.kind);
        let effect = Effect::of(&event.subject, &settings.of, settings.by_email);
        if counts && effect.keys.is_empty() && effect.is_foreign {
            let description = "the event is about a user of an issuer that this transmitter doesn't speak for";
            return Err(Refused::because("access_denied", description));
        }
        Ok((event, if counts { effect } else { Effect::default() }))
    };
    token.events.iter().map(effect).collect()
}

/// Whether a bearer token is one of these, where there are some. Each is compared, so that time tells nothing.
fn is_known(tokens: &[Secret], bearer: Option<&str>) -> bool {
    let Some(bearer) = bearer.map(Secret::new) else { return tokens.is_empty() };
    tokens.is_empty() || tokens.iter().fold(false, |found, known| (*known == bearer) | found)
}
