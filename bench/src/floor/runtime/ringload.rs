//! Generator and sink of the load generator, directly connected: what they cost a message with all
//! that they compose, hash, check and count.

use super::Served;
use crate::floor::engine::{Cover, mail, sink};
use crate::floor::plan::Plan;
use loadgen::send;
use std::io;

/// What sending and what taking came to.
pub(super) fn round(plan: &Plan) -> io::Result<[Served; 2]> {
    let sink = sink(Cover::Plain)?;
    let report = send::start(mail(plan, sink.providers()[0].addresses[0]))?.join()?;
    let taken = sink.messages();
    sink.stop();
    let taking = sink.join()?.as_secs_f64();
    if taken != u64::from(plan.messages) {
        return Err(io::Error::other(format!("only {taken} messages came: {report:?}")));
    }
    let served = |cpu_secs: f64| Served {
        cpu_secs_per_1000: cpu_secs * 1_000.0 / f64::from(plan.messages),
        messages_per_sec: report.rate,
        switches_per_message: None,
    };
    Ok([served(report.cpu_seconds), served(taking)])
}
