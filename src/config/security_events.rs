//! Security events, from the file to what is used.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Issuer;
use super::admin::read_tokens;
use super::file::{self, SecurityEventName};
use super::issuer_names::ByName;
use super::problem::Problems;
use super::suggest::suggest;
use super::values::{name, time};
use crate::events::{EventSettings, TransmitterSettings};
use crate::oidc::Secret;
use crate::routing::{Responder, Route};
use mfa_gateway_core::token::{EventKind, IssuerRule, IssuerRules, SecurityEventRules};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

const FIELD: &str = "security_events";

/// Notes in the issuers' profiles what events name their users by: their proofs can be revoked.
pub(super) fn note(file: &file::File, issuers: &mut [Issuer]) {
    let transmitters = file.security_events.iter().flat_map(|events| &events.transmitters);
    let by_name = ByName::of(issuers);
    let noted: Vec<_> = transmitters.map(|one| (spoken_of(one, &by_name), &one.email_claim)).collect();
    for (places, claim) in noted {
        for place in places {
            let Some(issuer) = issuers.get_mut(place) else { continue };
            let names = Arc::make_mut(&mut issuer.profile).event_names.get_or_insert_default();
            if let Some(claim) = claim {
                names.email = Some(claim.clone());
            }
        }
    }
}

/// The places of the issuers whose users a transmitter speaks of.
fn spoken_of(transmitter: &file::Transmitter, issuers: &ByName<'_>) -> BTreeSet<usize> {
    let names = transmitter.issuers.iter().flatten().map(String::as_str);
    let own = Some(transmitter.issuer_name()).filter(|_| transmitter.issuers.is_none());
    names.chain(own).flat_map(|name| issuers.named(name)).map(|(place, _)| place).collect()
}

/// The settings, if there are transmitters.
pub(super) fn build(
    file: &file::File,
    issuers: &[Issuer],
    outage: Duration,
    problems: &mut Problems<'_>,
) -> Option<EventSettings> {
    let own = file.security_events.as_ref()?;
    let keep = time(&format!("{FIELD}.keep"), own.keep.as_deref(), DAY, MINUTE..=DAY * 90, problems);
    let max_age = time(&format!("{FIELD}.max_age"), own.max_age.as_deref(), DAY * 7, MINUTE..=DAY * 30, problems);
    if own.transmitters.is_empty() {
        let message = "there is no transmitter, so nobody could send an event";
        problems.add(&format!("{FIELD}.transmitters"), message, "add one, or remove `security_events`");
    }
    let (mut names, mut rules) = (HashSet::new(), IssuerRules::default());
    let issuers = ByName::of(issuers);
    let mut transmitters: Vec<TransmitterSettings> = Vec::new();
    for (at, one) in own.transmitters.iter().enumerate() {
        let path = format!("{FIELD}.transmitters[{at}]");
        name(&path, &one.name, problems);
        if !names.insert(&one.name) {
            let message = "another transmitter has this name";
            problems.add(&format!("{path}.name"), message, "give each transmitter its own name");
        }
        let Some(new) = transmitter(&path, one, &issuers, max_age, problems) else { continue };
        if rules.overlaps(&new.rules.issuer) {
            let message = "another transmitter has the same issuer, so it is ambiguous whose rules apply";
            problems.add(&format!("{path}.issuer"), message, "merge the two");
        }
        rules.add(&new.rules.issuer);
        transmitters.push(new);
    }
    Some(EventSettings { keep, outage, transmitters })
}

fn transmitter(
    path: &str,
    file: &file::Transmitter,
    issuers: &ByName<'_>,
    max_age: Duration,
    problems: &mut Problems<'_>,
) -> Option<TransmitterSettings> {
    if file.audience.is_empty() {
        let message = "there is no audience: without one, the gateway would accept what was sent to others";
        problems.add(&format!("{path}.audience"), message, "write what `aud` of the tokens holds, such as this URL");
    }
    let of = of(path, file, issuers, problems);
    let by_email = file.email_claim.as_ref().is_some_and(|claim| !claim.is_empty());
    if file.email_claim.is_some() && !by_email {
        problems.add(&format!("{path}.email_claim"), "the claim has no name", "write its name, such as `email`");
    }
    let tokens = file.bearer_token_file.as_ref().map(|file| bearer_tokens(path, &PathBuf::from(file), problems));
    let Some((_, issuer)) = issuers.named(file.issuer_name()).next() else {
        if let file::SignInIssuer::Named(name) = &file.issuer {
            problems.add(&format!("{path}.issuer"), format!("there is no issuer `{name}`"), known(issuers, name));
        }
        return None;
    };
    Some(TransmitterSettings {
        name: file.name.clone(),
        keys: issuer.keys,
        rules: SecurityEventRules {
            issuer: issuer.rules.issuer.clone(),
            audience: file.audience.clone(),
            algorithms: issuer.rules.algorithms.clone(),
            clock_skew: issuer.rules.clock_skew,
            max_age,
        },
        tokens: tokens.unwrap_or_default(),
        of,
        by_email,
        events: file
            .events
            .as_ref()
            .map_or_else(|| EventKind::ALL.to_vec(), |names| names.iter().copied().map(kind).collect()),
    })
}

/// The issuers whose users it speaks of.
fn of(path: &str, file: &file::Transmitter, issuers: &ByName<'_>, problems: &mut Problems<'_>) -> Vec<IssuerRule> {
    for (at, name) in file.issuers.iter().flatten().enumerate() {
        if issuers.named(name).next().is_none() {
            let path = format!("{path}.issuers[{at}]");
            problems.add(&path, format!("there is no issuer `{name}`"), known(issuers, name));
        }
    }
    if file.issuers.as_ref().is_some_and(Vec::is_empty) {
        let message = "the list is empty, so no event would end anything";
        problems.add(&format!("{path}.issuers"), message, "list at least one issuer, or remove the field");
    }
    let places = spoken_of(file, issuers);
    places.into_iter().filter_map(|place| Some(issuers.all.get(place)?.rules.issuer.clone())).collect()
}

fn known(issuers: &ByName<'_>, name: &str) -> String {
    suggest(name, &issuers.all.iter().map(|issuer| issuer.profile.name.as_str()).collect::<Vec<_>>())
}

fn bearer_tokens(path: &str, file: &std::path::Path, problems: &mut Problems<'_>) -> Vec<Secret> {
    read_tokens(file, Secret::new).unwrap_or_else(|message| {
        let message = format!("{} can't be used: {message}", file.display());
        let fix = "write one token per line, each of 32 characters or more: `openssl rand -base64 48 > events-token`";
        problems.add(&format!("{path}.bearer_token_file"), message, fix);
        Vec::new()
    })
}

fn kind(name: SecurityEventName) -> EventKind {
    match name {
        SecurityEventName::SessionRevoked => EventKind::SessionRevoked,
        SecurityEventName::CredentialChange => EventKind::CredentialChange,
        SecurityEventName::AssuranceLevelChange => EventKind::AssuranceLevelChange,
        SecurityEventName::TokenClaimsChange => EventKind::TokenClaimsChange,
        SecurityEventName::AccountDisabled => EventKind::AccountDisabled,
        SecurityEventName::AccountPurged => EventKind::AccountPurged,
        SecurityEventName::AccountCredentialChangeRequired => EventKind::CredentialChangeRequired,
        SecurityEventName::CredentialCompromise => EventKind::CredentialCompromise,
        SecurityEventName::SessionsRevoked => EventKind::SessionsRevoked,
    }
}

/// Warns of events that nobody can send.
pub(super) fn check(settings: Option<&EventSettings>, routes: &[Route], problems: &mut Problems<'_>) {
    let is_served = routes.iter().any(|route| route.responder == Responder::SecurityEvents);
    if settings.is_some() && !is_served {
        let message = "no route takes security events, so nobody can send one";
        let fix = "add a route: `{ path: /security-events, serve: security_events, require: public }`";
        problems.warn(FIELD, message, fix);
    }
}

/// The files that transmitters are read from.
pub(super) fn files(events: Option<&file::SecurityEvents>) -> Vec<PathBuf> {
    let transmitters = events.into_iter().flat_map(|events| &events.transmitters);
    transmitters.filter_map(|one| one.bearer_token_file.as_ref().map(PathBuf::from)).collect()
}
