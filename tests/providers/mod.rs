//! Identity providers: the recipes of `docs/providers.md`, and tokens in the form in which each of them issues them.

mod recipes;
mod requests;
