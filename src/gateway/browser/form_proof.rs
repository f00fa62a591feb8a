//! The proof that a form is the gateway's own: a sealed field, which no other site can make or read.
//!
//! The gateway's pages have the policy `no-referrer`, so that browsers name no origin in their forms.

use serde::{Deserialize, Serialize};

use super::door::Door;
use super::navigation::{is_of_own_page, may_be_of_own_page};
use super::own_request::OwnRequest;
use crate::pages::Action;
use crate::session::{Record, SessionId};

/// The field.
const PROOF: &str = "proof";

#[derive(Serialize, Deserialize)]
struct Proof {
    /// The session that the form is for. It ends with it. `None` if nobody was signed in.
    form_of: Option<SessionId>,
}

/// The action with the proof that this session's page has it.
pub(super) fn prove(action: Action, door: &Door, record: Option<&Record>) -> Action {
    match seal(door, record) {
        Some(sealed) => action.with(PROOF, sealed),
        None => action,
    }
}

/// The field's value for a form of this session.
pub(super) fn seal(door: &Door, record: Option<&Record>) -> Option<String> {
    let text = serde_json::to_vec(&Proof { form_of: record.map(|record| record.id) }).ok()?;
    Some(door.sign_in.seal_link(&text))
}

/// Whether a field's value is the proof of a form of this session.
pub(super) fn is_of(value: &str, door: &Door, record: &Record) -> bool {
    let text = door.sign_in.open_link(value);
    let proof = text.and_then(|text| serde_json::from_slice::<Proof>(&text).ok());
    proof.is_some_and(|proof| proof.form_of == Some(record.id))
}

/// Whether a request that changes something is of a page of this origin. Without a session, any form of the gateway's will do:
/// its own may have ended since.
pub(super) fn is_proven(request: &OwnRequest<'_>, record: Option<&Record>) -> bool {
    let proof = || {
        let text = request.door.sign_in.open_link(&request.field(PROOF)?)?;
        serde_json::from_slice::<Proof>(&text).ok()
    };
    let fits = |proof: Proof| record.is_none_or(|record| proof.form_of == Some(record.id));
    is_of_own_page(request.headers, &request.door.origin, false)
        || may_be_of_own_page(request.headers) && proof().is_some_and(fits)
}
