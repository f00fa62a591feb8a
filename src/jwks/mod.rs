//! An issuer's keys over time.
//!
//! Each [`KeySource`] has one task that does all its fetching, so fetches are single by construction and one issuer's
//! trouble never touches another's. Requests read an immutable [`KeySet`] behind a swap and never wait for a lock. A
//! token with an unknown `kid` asks the task for a fetch and waits for it. Such fetches have a [`budget`]: once it is
//! used up the token is refused at once, and the fetch follows as soon as the budget allows. So a flood of forged `kid`s
//! costs a few fetches a minute, and a real rotation is learned within seconds even during one.

mod budget;
mod refresh;
mod source;

pub(crate) use source::KeySource;
