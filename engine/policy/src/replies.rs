//! What hosts mean by what they say: rules for replies, by provider.
//!
//! A reply that says no is read by [`Rules::read`]: the first rule whose condition it fulfils says why
//! (the class), whose quota is spent (the scopes), and what is asked for (the action). Rules are data:
//! `profiles/*.toml`, one file a provider, each rule with where it is written and when; and
//! `profiles/corpus.txt` holds what hosts say, each reply with what it is to be taken for. What no
//! rule knows is classified by its codes, and counted in [`Unknown`].
//!
//! The code alone decides what becomes of the recipient ([`crate::outcome`]); nothing here makes a
//! failure of what a host put off, but an operator's own rule that says [`Action::Fail`].

mod action;
mod condition;
mod providers;
mod quoted;
mod rules;
mod scope;
mod shipped;
mod unknown;
mod words;
mod written;

pub use action::Action;
pub use condition::Stage;
pub use providers::Provider;
pub use quoted::{Quoted, quoted};
pub use rules::{Fault, Reading, Rule, Rules};
pub use scope::{Scope, Scopes};
pub use unknown::{SAYING_BYTES_MAX, UNKNOWN_MAX, Unknown};
pub use words::WORDS_MAX;

#[cfg(test)]
mod tests;
