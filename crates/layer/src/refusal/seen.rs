//! What a refusal says of a verified token: the few facts that explain it.

use std::collections::BTreeMap;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::json::Object;
use mfa_gateway_core::policy::{Denial, MfaRule, Proof, Seen};
use mfa_gateway_core::token::{AuthTime, Check};
use serde_json::Value;

/// The members that are no claims, or are claims in a form of their own.
const OWN: [&str; 4] = ["amr", "auth_time", "class", "ver"];

/// Adds `seen`, for a verified token.
pub(super) fn add(body: &mut Object<'_>, denial: Denial, proof: &Proof) {
    body.object("seen", |seen| {
        for (name, value) in members(denial, proof) {
            seen.named(&name, &value);
        }
    });
}

/// The members, in the order of their names: with an MFA finding, every claim that the rule reads.
fn members(denial: Denial, proof: &Proof) -> BTreeMap<String, Value> {
    let mut members = BTreeMap::new();
    if denial.check() == Check::Mfa {
        for (path, seen) in proof.claims() {
            let name = MfaRule::name_of(path);
            let name = if OWN.contains(&&*name) && name != "amr" { format!("{name} (claim)") } else { name };
            members.insert(name, seen.shown().unwrap_or_default());
        }
    }
    members.entry("amr".to_owned()).or_insert_with(|| Seen::of_amr(&proof.amr).shown().unwrap_or_default());
    if denial == Denial::AuthenticationStale {
        let time = match proof.auth_time {
            AuthTime::Malformed => "not a time in the form that is expected".into(),
            time => time.time().map(Timestamp::as_secs).into(),
        };
        members.insert("auth_time".to_owned(), time);
    }
    if matches!(denial, Denial::WrongContext | Denial::NoDelegation | Denial::DelegationEnded) {
        let shown = |tenant: Option<&str>| tenant.map(|tenant| Value::from(tenant.get(..36).unwrap_or(tenant)));
        members.insert("home_tenant".to_owned(), shown(proof.home.as_deref()).into());
        members.insert("tenant".to_owned(), shown(proof.tenant.as_deref()).into());
    }
    if matches!(denial, Denial::RoleMissing | Denial::RoleNotDelegated | Denial::RolesUnknown) {
        // The configuration's names alone: what groups the caller is in is nobody's business here.
        members.insert("roles".to_owned(), proof.roles.held.iter().map(|role| Value::from(&**role)).collect());
    }
    members.insert("class".to_owned(), proof.principal.class().into());
    let version = proof.version.as_deref().map(|ver| ver.get(..8).unwrap_or(ver));
    members.insert("ver".to_owned(), version.into());
    members
}
