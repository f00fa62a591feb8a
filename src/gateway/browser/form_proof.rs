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
    match serde_json::to_vec(&Proof { form_of: record.map(|record| record.id) }) {
        Ok(text) => action.with(PROOF, door.sign_in.seal_link(&text)),
        Err(_) => action,
    }
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
