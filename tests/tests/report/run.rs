//! A run with something of everything, and its report: two providers, one of which defers and
//! lets itself be overrun.

use loadgen::report::{
    Document, Folder, Origin, Providers, Received, Relay, Sent, Usage, Verified,
};
use loadgen::{clock, send, sink, verify};
use std::io;
use std::path::Path;
use std::time::Duration;

/// The second allows fewer connections than the generator makes, so its contract is broken.
const PROVIDERS: [&str; 2] = [
    "name=plain,listen=127.0.0.1:0",
    "name=<moody>,listen=127.0.0.1:0,defer=0.3,connections_per_source=2,contract=connections",
];

/// Runs generator, simulator and verify with a report in `folder`, and returns the report.
pub(crate) fn document(folder: &Path) -> io::Result<Document> {
    let (sent, received) = (folder.join("sent"), folder.join("received"));
    let read = |line| sink::Provider::read_line(line).map_err(io::Error::other);
    let sink = sink::start(sink::Options {
        providers: PROVIDERS.into_iter().map(read).collect::<io::Result<_>>()?,
        seed: 3,
        ledger: Some(received.clone()),
        threads: 1,
    })?;
    let report = Folder::create(&folder.join("report"))?;
    let origin = || Origin::here(clock::now());
    let (started, mut watched) = (clock::now(), Providers::default());
    for (run, provider) in (1..).zip(sink.providers()) {
        let options = send::Options {
            messages: 400,
            sessions: 4,
            run,
            ledger: Some(sent.clone()),
            arrivals: "constant:300/s".parse().map_err(io::Error::other)?,
            retry_after: Duration::from_millis(5),
            ..send::Options::new(provider.addresses[0])
        };
        let mut relay = Relay::new(&[std::process::id()]);
        let sending = send::start(options.clone())?;
        let begun = clock::now();
        while !sending.has_ended() {
            relay.look(clock::now() - begun, Usage::of).map_err(io::Error::other)?;
            watched.look(clock::now() - started, || loadgen::report::counted(sink.providers()));
            std::thread::yield_now();
        }
        relay.look_now(clock::now() - begun, Usage::of).map_err(io::Error::other)?;
        let mut found = sending.join()?;
        send::check_capacity(&options, &mut found)?;
        report.write_sent(&Sent::new(&found, &relay, origin()), &found)?;
    }
    let providers = sink.providers().to_vec();
    watched.look_now(clock::now() - started, loadgen::report::counted(&providers));
    sink.stop();
    let cpu = sink.join()?;
    report.write_received(&Received::new(&providers, &watched, cpu, origin()))?;
    let options = verify::Options {
        sent: vec![sent],
        received: vec![received],
        ..verify::Options::default()
    };
    let proof = verify::verify(&options).map_err(io::Error::other)?;
    let verified =
        Verified { origin: origin(), duplicates_allowed: 0, may_be_queued: false, proof };
    report.write_verified(&verified)?;
    let document = report.document()?;
    report.write_report(&document)?;
    Ok(document)
}
