//! The words of a reason.

/// A title, which is the heading too, and paragraphs, of which the first stands out.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) title: &'static str,
    pub(super) paragraphs: &'static [&'static str],
}
