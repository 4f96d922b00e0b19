//! The program `ringpost`: settings, command line, start and stop.
//!
//! A library as well, so that tests and the demo can use the same settings and start.

pub mod command;
pub mod demo;
mod door;
mod fetch;
mod import;
mod replay;
mod reply;
pub mod run;
pub mod settings;
mod spool;
mod user;
