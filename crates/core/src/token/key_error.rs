//! Why an entry of a key set isn't used.

/// Why an entry of a key set isn't used. The other entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A member of its key is absent.
    #[error("its {0} is missing")]
    Missing(&'static str),
    /// A member has another type.
    #[error("its {0} has the wrong JSON type")]
    Type(&'static str),
    /// A member isn't readable.
    #[error("its {0} is not base64url")]
    Encoding(&'static str),
    /// Every reader of the key set could sign with it.
    #[error("it contains {0}, a part of a private or symmetric key")]
    Private(&'static str),
    /// Anything else.
    #[error("{0}")]
    Other(&'static str),
}
