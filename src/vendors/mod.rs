//! Control panel vendors, as Microsoft's Secure Application Model has them: partners give a vendor's application a consent in
//! place of a password, and each of their customers consents to it through the partner API.
//!
//! | | |
//! |---|---|
//! | [`VendorSettings`], [`PartnerSettings`] | a vendor's application, what customers consent to, and the partners |
//! | [`Runner`] | does for all customers of a partner what an operator asked for: evenly, repeatably, one replica at a time |
//! | `VendorDetail`, `PartnerDetail` | how far that is, and whether the application still calls without MFA |

mod settings;

mod metrics;
mod pace;

mod page;
mod verdict;

mod work;

mod runner;

mod calls;
mod shown;

pub(crate) use calls::Calls;
pub use metrics::VendorMetrics;
pub use runner::Runner;
pub use settings::{Grant, PartnerSettings, VendorSettings};
pub(crate) use shown::{PartnerDetail, VendorDetail, shown};
