//! Unattended access, as Microsoft's Secure Application Model has it: a person consents once with MFA, and a program uses what
//! the gateway keeps of that. The program never holds the refresh token.
//!
//! | | |
//! |---|---|
//! | [`ConsentSettings`] | a consent that may be given: of which client, in which tenant, by whom |
//! | [`Keeper`] | keeps one: takes it from the person, uses its refresh token, one replica at a time, and tells how it does |
//! | [`Callers`] | the programs that may use consents, and for what |
//! | [`ConsentState`], [`Failure`] | how it does, and what an issuer's error means for it |

mod callers;
mod failure;
mod fetches;
mod genuine;
mod give;
mod hand;
mod issued;
mod keeper;
mod keepers;
mod memory;
mod metrics;
mod redeem;
mod refused;
mod rewrap;
mod settings;
mod state;
mod tell;
mod turns;

pub use callers::{CERTIFICATE_ISSUER, CallerSettings, CallerTenants, Callers, Forbidden, KnownBy, spelled};
pub use failure::{Failure, Reach};
pub use give::{Begun, Given};
pub use issued::{Issued, TokenError, Wanted};
pub use keeper::{Keeper, Kept};
pub use keepers::Keepers;
pub use memory::TokenMemory;
pub use metrics::ConsentMetrics;
pub use refused::GiveError;
pub use rewrap::{KeyUse, Rewrapped, SealedConsent};
pub use settings::ConsentSettings;
pub use state::ConsentState;
pub use tell::{EVERY, SOON};
