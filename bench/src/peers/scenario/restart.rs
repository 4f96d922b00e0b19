//! A relay that crashed with mail in its queue, started again while the next hop answers.

use super::backlog::{fill, hung, patience, resume};
use crate::peers::figures::{Figures, Quantity};
use crate::peers::load::Load;
use crate::peers::relay::Relay;
use std::io;
use tests::scratch::Scratch;
use tests::wait;

pub(super) fn run(relay: Relay, load: Load) -> io::Result<Figures> {
    let scratch = Scratch::new("peers-restart")?;
    let (sink, mut running) = hung(relay, load, scratch.path())?;
    fill(&running, load)?;
    running.kill()?;
    resume(&sink)?;
    let start = wait::now();
    running.restart()?;
    let greeted = start.elapsed();
    // As an operator would, who knows that the next hop is well again.
    running.flush()?;
    let patience = patience(load.messages);
    let first = sink.wait_for(1, patience)? - start;
    let last = sink.wait_for(load.messages, patience)? - start;
    Ok(Figures::default()
        .with(Quantity::Greets, greeted.as_secs_f64())
        .with(Quantity::Delivers, first.as_secs_f64())
        .with(Quantity::Empties, last.as_secs_f64()))
}
