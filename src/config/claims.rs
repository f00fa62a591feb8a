//! The claims that upstreams receive in header fields, from the file.

use http::HeaderName;
use mfa_gateway_core::policy::ToldClaim;
use mfa_gateway_wire::headers::is_same_name;

use super::problem::Problems;
use super::{field_name, file};

/// Reads the list of the issuer at `path`.
pub(super) fn build(path: &str, list: &[file::ClaimToHeader], problems: &mut Problems<'_>) -> Vec<ToldClaim> {
    let mut told: Vec<ToldClaim> = Vec::new();
    for (at, file) in list.iter().enumerate() {
        let path = format!("{path}.claims_to_headers[{at}]");
        let claim = match &file.claim {
            file::ClaimPath::Name(name) => vec![name.clone()],
            file::ClaimPath::Path(names) => names.clone(),
        };
        if claim.is_empty() || claim.iter().any(String::is_empty) {
            let fix = "write a claim's name, such as `email`, or the list of names that leads to it";
            problems.add(&format!("{path}.claim"), "the claim's name is empty", fix);
        }
        match field_name::for_claim(&file.header) {
            Ok(name) if told.iter().any(|one| is_same_name(&one.field, name.as_str())) => {
                let message = format!("another claim already stands in `{name}`");
                problems.add(&format!("{path}.header"), message, "give each claim a field of its own");
            }
            Ok(name) => told.push(ToldClaim { claim, field: name.as_str().to_owned() }),
            Err((message, fix)) => problems.add(&format!("{path}.header"), message, fix),
        }
    }
    told
}

/// The fields of all issuers, each once.
pub(super) fn fields<'t>(told: impl Iterator<Item = &'t ToldClaim>) -> Vec<HeaderName> {
    let mut names: Vec<HeaderName> = told.filter_map(|one| one.field.parse().ok()).collect();
    names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    names
}
