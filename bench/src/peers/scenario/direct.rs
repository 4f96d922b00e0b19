//! Generator and sink with nothing between them.

use crate::peers::figures::{Figures, Quantity};
use crate::peers::load::{Behaviour, Generator, Load, Sink};
use std::io;
use std::time::Duration;
use tests::scratch::Scratch;
use tests::wait;

/// How many times as many messages as a relay gets: ringload's round takes a second, too.
const SHARES: [(Generator, u64); 2] = [(Generator::SmtpSource, 10), (Generator::Ringload, 50)];
/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) fn run(load: Load, generator: Generator) -> io::Result<Figures> {
    let share = SHARES.iter().find(|(of, _)| *of == generator).map_or(1, |(_, share)| *share);
    let load = Load { generator, ..load }.of(load.messages * share);
    let scratch = Scratch::new("peers-direct")?;
    let sink = Sink::start(load, Behaviour::default(), scratch.path())?;
    let address = *sink.addresses().first().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let start = wait::now();
    load.send(address)?;
    let last = sink.wait_for(load.messages, PATIENCE)?;
    let rate = load.messages as f64 / (last - start).as_secs_f64();
    Ok(Figures::default().with(Quantity::Delivered, rate))
}
