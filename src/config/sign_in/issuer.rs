//! The issuers of sign-ins: those of the file, and those that a sign-in has for itself.

use std::collections::HashSet;

use serde_json::Value;

use super::asks::{needs_amr, version};
use crate::config::Issuer;
use crate::config::file;
use crate::config::issuer::Written;
use crate::config::issuer_names::ByName;
use crate::config::problem::Problems;
use crate::config::suggest::suggest;
use mfa_gateway_core::token::EntraVersion;

/// All issuers of a file, in their order, each with its place.
pub(in crate::config) fn written<'d>(file: &file::File, document: &'d Value) -> Vec<Written<'d>> {
    let transmitters = || file.security_events.iter().flat_map(|events| &events.transmitters);
    let named = file.sign_in.iter().map(|one| &one.issuer).chain(transmitters().map(|one| &one.issuer));
    let named = named.filter_map(|issuer| match issuer {
        file::SignInIssuer::Named(name) => Some(name.as_str()),
        file::SignInIssuer::Own(_) => None,
    });
    let named: HashSet<&str> = named.chain(file.consents.iter().map(|one| one.issuer.as_str())).collect();
    let shared = file.issuers.iter().enumerate().map(|(at, issuer)| Written {
        path: format!("issuers[{at}]"),
        file: issuer.clone(),
        document: &document["issuers"][at],
        signs_in: named.contains(issuer.name.as_str()),
    });
    let own = file.sign_in.iter().enumerate().filter_map(|(at, one)| match &one.issuer {
        file::SignInIssuer::Named(_) => None,
        file::SignInIssuer::Own(issuer) => Some(Written {
            path: format!("sign_in[{at}].issuer"),
            file: file::Issuer::clone(issuer),
            document: &document["sign_in"][at]["issuer"],
            signs_in: true,
        }),
    });
    let of_transmitters = transmitters().enumerate().filter_map(|(at, one)| {
        Some(Written {
            path: format!("security_events.transmitters[{at}].issuer"),
            file: one.own_issuer()?.clone(),
            document: &document["security_events"]["transmitters"][at]["issuer"],
            signs_in: true,
        })
    });
    shared.chain(own).chain(of_transmitters).collect()
}

/// The place of a sign-in's issuer; for Entra, that of the endpoint's version.
pub(super) fn place(
    path: &str,
    file: &file::SignIn,
    issuers: &ByName<'_>,
    problems: &mut Problems<'_>,
) -> Option<usize> {
    match &file.issuer {
        file::SignInIssuer::Named(name) => of_endpoint(path, name, file.endpoint, issuers, problems),
        // What is wrong with an issuer of its own is a problem already.
        file::SignInIssuer::Own(issuer) if issuers.named(&issuer.name).next().is_none() => None,
        file::SignInIssuer::Own(issuer) => of_endpoint(path, &issuer.name, file.endpoint, issuers, problems),
    }
}

/// The place of the issuer of this name; for Entra, that of the endpoint's version.
pub(in crate::config) fn of_endpoint(
    path: &str,
    name: &str,
    endpoint: Option<file::Endpoint>,
    issuers: &ByName<'_>,
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let of_name = issuers.named(name);
    let Some((first, issuer)) = of_name.clone().next() else {
        let names: Vec<&str> = issuers.all.iter().map(|issuer| issuer.profile.name.as_str()).collect();
        problems.add(&format!("{path}.issuer"), format!("there is no issuer `{name}`"), suggest(name, &names));
        return None;
    };
    let Some(of_first) = version(issuer) else {
        if endpoint.is_some() {
            let message = "only Microsoft Entra ID has these endpoints, and the issuer is another";
            problems.add(&format!("{path}.endpoint"), message, "remove the field");
        }
        return Some(first);
    };
    let wanted = match endpoint {
        Some(file::Endpoint::V1) => EntraVersion::V1,
        Some(file::Endpoint::V2) => EntraVersion::V2,
        // The ID tokens of the v1 endpoint have `amr` by themselves.
        None if of_name.clone().count() > 1 && needs_amr(&issuer.profile.mfa) => EntraVersion::V1,
        None if of_name.clone().count() > 1 => EntraVersion::V2,
        None => of_first,
    };
    let found = of_name.clone().find(|(_, issuer)| version(issuer) == Some(wanted));
    if found.is_none() {
        let message = "the issuer's identifier is that of the other endpoint";
        problems.add(&format!("{path}.endpoint"), message, "remove the field, or write the issuer with `entra: { … }`");
    }
    found.map(|(place, _)| place)
}

/// Warns if an ID token of a sign-in could pass for an access token.
pub(super) fn check_audience(
    path: &str,
    file: &file::SignIn,
    issuer: &Issuer,
    written: &file::File,
    problems: &mut Problems<'_>,
) {
    if issuer.rules.audiences.contains(&file.client_id) {
        let at = written.issuers.iter().position(|one| one.name == issuer.profile.name);
        let field = at.map_or_else(|| format!("{path}.client_id"), |at| format!("issuers[{at}].audiences"));
        let message = format!(
            "`{}` is the client of `{}` too, so that its ID tokens pass for access tokens",
            file.client_id, file.name
        );
        problems.warn(&field, message, "register the API as an application of its own, and list its audience");
    }
}
