//! How a route takes sessions.

/// The way to sign in for a route: its index in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignInId(pub usize);

/// How a route takes sessions, if it takes any: by itself, a route takes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionUse {
    /// Where people sign in.
    pub sign_in: SignInId,
    /// Whether the route takes tokens too. A request that has one is judged by it alone.
    pub or_token: bool,
    /// Whether the upstream may let shared caches keep its responses.
    pub shared_cache: bool,
    /// Whether a request keeps the session from going idle.
    pub counts_as_use: bool,
}
