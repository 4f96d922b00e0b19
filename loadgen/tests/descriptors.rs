//! No socket is left open, however connections end. In a process of its own: it counts them.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

use loadgen::send::{self, Options};
use loadgen::sink::{self, Provider};
use std::fs;

/// Descriptors of this process that are sockets.
fn sockets() -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let link = |entry: fs::DirEntry| fs::read_link(entry.path()).ok();
    open.filter_map(link).filter(|target| target.to_string_lossy().starts_with("socket")).count()
}

#[test]
fn no_socket_is_left_open() {
    // The first round makes what tokio keeps for the life of a process.
    let mut before = None;
    for spec in ["", "", ",messages_per_connection=1", ",messages_per_connection=1,close=say421"] {
        let provider = Provider::read_line(&format!("listen=127.0.0.1:0{spec}")).unwrap();
        let options =
            sink::Options { providers: vec![provider], seed: 0, ledger: None, threads: 2 };
        let sink = sink::start(options).unwrap();
        let target = sink.providers()[0].addresses[0];
        let options = Options { messages: 2_000, messages_per_session: 2, ..Options::new(target) };
        let report = send::start(options).unwrap().join().unwrap();
        assert_eq!(report.messages, 2_000, "{spec} {report:?}");
        assert!(report.connections >= 1_000);
        sink.stop();
        sink.join().unwrap();
        assert_eq!(sockets(), *before.get_or_insert_with(sockets), "{spec}");
    }
}
