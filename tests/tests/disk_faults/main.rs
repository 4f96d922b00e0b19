//! Real filesystems that fail: power lost in the middle of a write, a disk that is full, one
//! that freezes. And relays that cheat, which the same tests must find out.
//!
//! They need root and loop devices. Where these are not to be had they say so and do not
//! run; in CI they fail. One runs at a time: each loads the whole machine.
//!
//! | variable | what it sets |
//! |---|---|
//! | `RINGPOST_POWER_CUTS` | power cuts, ext4 and xfs together: 50 |
//! | `RINGPOST_FILLS` | how often the small disk is filled and drained: 20 |

#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod frozen;
mod full;
mod load;
mod mutants;
mod power;
mod power_loss;

use std::env;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tests::loop_disk;

/// How long mail may take, on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_mins(1);

/// The turn of one test; none if it cannot run here.
fn turn() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    loop_disk::can_run().then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The number in the environment variable `name`.
fn number(name: &str, default: u64) -> u64 {
    let Ok(text) = env::var(name) else { return default };
    text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}"))
}

/// The settings of a relay that hands all mail to `to`, and tries again soon.
fn settings(to: std::net::SocketAddr) -> String {
    format!(
        "[[route]]\ndomain = \"*\"\nto = [\"{to}\"]\n\
         [retry]\nfirst = \"300ms\"\nfactor = 1.0\njitter = 0.0\n"
    )
}
