//! How fast the generator can be by itself: the same options against a relay that does nothing.

mod null;
mod server;

use super::{Options, start};
use crate::arrivals::Arrivals;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How many times what was measured the generator must be able to send, so that the figures are
/// the relay's.
pub const RATIO_MIN: f64 = 2.0;
/// The longest check.
const CHECK_MAX: Duration = Duration::from_secs(1);
/// The shortest that says something. As a check takes a quarter of the run, runs of less than
/// 400 ms are not checked.
const CHECK_MIN: Duration = Duration::from_millis(100);
/// Its share of the time of the run.
const CHECK_SHARE: u32 = 4;

/// What the generator can send.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Messages a second, with a server that does nothing on the same machine: what it takes of
    /// the CPU is lost for the generator, so it can do no less than this.
    pub rate: f64,
    /// That many times what was measured.
    pub ratio: f64,
    /// How long the check took.
    pub seconds: f64,
}

/// How long to check a run that took `run`; `None`: it was too short to be worth it.
pub(super) fn span(run: Duration) -> Option<Duration> {
    let span = (run / CHECK_SHARE).min(CHECK_MAX);
    (span >= CHECK_MIN).then_some(span)
}

/// Sends for `span` as `options` say, as fast as it goes, to a server in this process that takes
/// everything; `measured` is the rate to compare with.
///
/// # Errors
/// What the system says, or that nothing could be sent.
pub(super) fn check(options: &Options, span: Duration, measured: f64) -> io::Result<Capacity> {
    let server = server::start(options)?;
    let sending = start(Options {
        target: server.address(),
        encryption: server.encryption(&options.encryption)?,
        messages: u64::MAX >> 24,
        arrivals: Arrivals::Closed,
        ledger: None,
        templates: options.templates.as_ref().map(Arc::clone),
        ..options.clone()
    })?;
    thread::sleep(span);
    sending.stop();
    let report = sending.join()?;
    server.stop()?;
    if report.messages == 0 {
        let trouble = report.trouble.unwrap_or_default();
        return Err(io::Error::other(format!(
            "the check of the generator sent nothing: {trouble}"
        )));
    }
    let ratio = report.rate / measured.max(1e-9);
    Ok(Capacity { rate: report.rate, ratio, seconds: report.seconds })
}

#[cfg(test)]
mod tests {
    use super::span;
    use std::time::Duration;

    #[test]
    fn a_check_takes_a_quarter_of_a_run_and_no_more_than_a_second() {
        let (millis, secs) = (Duration::from_millis, Duration::from_secs);
        assert_eq!(span(millis(399)), None);
        assert_eq!(span(millis(400)), Some(millis(100)));
        assert_eq!(span(secs(2)), Some(millis(500)));
        assert_eq!(span(secs(3_600)), Some(secs(1)));
    }
}
