//! Ringpost as its users meet it: a process, real clients in front, real servers behind.
//!
//! What a test needs from Debian and does not find, it says and does not run; in CI it fails.

mod harness;
