//! Asks an issuer about opaque tokens: each once for all who present it, and not too many at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::Evidence;
use mfa_gateway_core::token::TokenError;
use mfa_gateway_layer::{Authenticator, Issuer};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use super::answers::{Answer, Answers, TokenKey, key_of};
use super::ask::ask;
use super::metrics::IntrospectionMetrics;
use super::settings::IntrospectionSettings;
use crate::oidc::Client;

/// The questions that are under way, by token.
type UnderWay = Mutex<HashMap<TokenKey, Waited>>;

/// A question that is under way.
#[derive(Debug, Default)]
struct Waited {
    cell: Arc<OnceCell<Answer>>,
    /// How many requests wait for it.
    by: usize,
}

/// Asks an issuer about opaque tokens.
#[derive(Debug)]
pub(crate) struct Introspector {
    settings: IntrospectionSettings,
    issuer: Issuer,
    client: Client,
    answers: Answers,
    under_way: UnderWay,
    places: Semaphore,
    /// The second, and how many questions were asked in it.
    asked: Mutex<(i64, u32)>,
    is_failing: AtomicBool,
    clock: Clock,
    metrics: IntrospectionMetrics,
}

/// A question that somebody waits for. With the last of them it is forgotten.
struct Question<'a> {
    all: &'a UnderWay,
    key: TokenKey,
    cell: Arc<OnceCell<Answer>>,
}

impl<'a> Question<'a> {
    fn join(all: &'a UnderWay, key: TokenKey) -> Self {
        let mut map = all.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = map.entry(key).or_default();
        waited.by = waited.by.saturating_add(1);
        Self { all, key, cell: Arc::clone(&waited.cell) }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut map = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waited) = map.get_mut(&self.key).filter(|waited| Arc::ptr_eq(&waited.cell, &self.cell)) else {
            return;
        };
        waited.by = waited.by.saturating_sub(1);
        // One that has been answered takes nobody in any more: what counts is remembered elsewhere.
        if waited.by == 0 || self.cell.initialized() {
            map.remove(&self.key);
        }
    }
}

impl Introspector {
    /// An introspector for the opaque tokens of this issuer.
    pub(crate) fn new(
        settings: IntrospectionSettings,
        (issuer, client): (Issuer, Client),
        clock: Clock,
        metrics: IntrospectionMetrics,
    ) -> Self {
        Self {
            answers: Answers::new(settings.cache),
            places: Semaphore::new(settings.concurrency),
            settings,
            issuer,
            client,
            under_way: Mutex::default(),
            asked: Mutex::new((i64::MIN, 0)),
            is_failing: AtomicBool::new(false),
            clock,
            metrics,
        }
    }

    /// What a token proves. `authenticator` judges what the issuer says of it.
    pub(crate) async fn evidence(&self, token: &str, authenticator: &Authenticator) -> Evidence {
        let key = key_of(token);
        if let Some(known) = self.answers.get(&key, self.clock.now()) {
            self.metrics.hits.inc();
            return known.evidence();
        }
        let question = Question::join(&self.under_way, key);
        let answer = question.cell.get_or_init(|| async {
            let answer = self.ask(token, authenticator).await;
            self.answers.put(key, &answer, self.clock.now());
            answer
        });
        answer.await.evidence()
    }

    async fn ask(&self, token: &str, authenticator: &Authenticator) -> Answer {
        // Invented tokens cost the issuer no more than so much, however many there are.
        let place = if self.may_ask(self.clock.now()) {
            timeout(self.settings.client.timeout, self.places.acquire()).await.ok().and_then(Result::ok)
        } else {
            None
        };
        let Some(_place) = place else {
            self.metrics.asked("limited");
            return Answer::Unavailable;
        };
        let said = ask(&self.client, &self.settings, (&self.issuer, &self.clock), token).await;
        let answer = match said {
            Ok(said) if !said.is_active() => Answer::Refused(TokenError::Inactive),
            Ok(said) => match authenticator.introspected(said, &self.issuer) {
                Ok(proof) => Answer::Proven(Arc::new(proof)),
                Err(error) => Answer::Refused(error),
            },
            Err(why) => {
                self.tell_failure(&why);
                Answer::Unavailable
            }
        };
        if !matches!(answer, Answer::Unavailable) && self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!(issuer = self.issuer.profile().name, "the issuer can be asked about opaque tokens again");
        }
        self.metrics.asked(answer.result());
        answer
    }

    /// Whether one more question may be asked in this second.
    fn may_ask(&self, now: Timestamp) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.0 != now.as_secs() {
            *asked = (now.as_secs(), 0);
        }
        asked.1 = asked.1.saturating_add(1);
        asked.1 <= self.settings.per_second
    }

    /// Says once that the issuer can't be asked.
    fn tell_failure(&self, why: &str) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            let issuer = &self.issuer.profile().name;
            tracing::warn!(issuer, why, "the issuer can't be asked about opaque tokens; they get 503 until it can");
        }
    }
}
