//! Ringpost as its users meet it: a process, real clients in front, real servers behind.
//!
//! What a test needs from Debian and does not find, it says and does not run; in CI it fails.

#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod auth;
mod balancer;
mod chunks;
mod clients;
mod common;
mod cores;
mod crash;
mod dane;
mod defences;
mod detours;
mod disabled;
mod downstream;
mod drain;
mod drops;
mod drops_killed;
mod dsn;
mod flights;
mod guarded_host;
mod hard_bounces;
mod harness;
mod held_socket;
mod hostile;
mod hosts;
mod idle;
mod import;
mod load;
mod midway;
mod mta_sts;
mod mx;
mod pools;
mod providers;
mod proxy;
mod put_off;
mod rates;
mod reload;
mod replay;
mod reply_class;
mod requiretls;
mod reroutes;
mod resolver;
mod restart;
mod schedules;
mod settings;
mod signer;
mod sites;
mod sources;
mod spool_adopt;
mod spool_damage;
mod spool_tools;
mod spread;
mod tls;
mod tls_least;
mod tls_out;
mod tls_reload;
mod upstream;
mod users;
mod warmup;
mod why;
mod xclient;
