//! SIGTERM under load: what is under way is finished, nothing new is begun, exit 0.

use crate::common::{RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use std::io;
use tests::port;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;

#[test]
fn a_drain_under_load_loses_and_doubles_nothing() -> io::Result<()> {
    let scratch = Scratch::new("drain")?;
    let sink = Sink::start(scratch.path(), 0.2)?;
    let mut ringpost = Ringpost::start(scratch.path(), &(route("*", sink.address()) + RETRY_SOON))?;
    let load = Load::start(scratch.path(), &ringpost, 3_000.0)?;
    for _ in 0..3 {
        load.wait_for(1_500)?;
        let status = ringpost.drain()?;
        assert!(status.success(), "{status}: {}", ringpost.said());
        assert!(!port::answers(ringpost.smtp()), "nobody listens any more");
        ringpost.restart()?;
    }
    load.wait_for(500)?;
    let proof = load.prove(&ringpost, sink, 0)?;
    assert!(proof.holds && proof.missing == 0 && proof.duplicates == 0, "{}", told(&proof));
    Ok(())
}
