//! The house rules, each a test that names file and line.
//!
//! A rule is a function from a file to what is wrong with it, so each is shown to fail on a
//! small bad example before it is trusted with the tree.

#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod floors;
mod formatting;
mod layout;
mod links;
mod sizes;
mod tree;
mod words;
