//! The end of all that was started, when this process is told to end before its time.

use super::processes;
use ::tests::scratch;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::process;
use std::thread;

/// Has SIGINT and SIGTERM end every relay, whoever its parent, before they end this process. What
/// relays wrote is removed too, but one that was just starting may leave a folder.
///
/// # Errors
/// If no thread can be had for it.
pub fn clean_up_on_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("interrupt".into()).spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let ended = processes::end_all();
        scratch::remove_all();
        if let Err(error) = ended {
            eprintln!("not all relays could be ended: {error}");
        }
        // As a shell says it of who was ended by a signal.
        process::exit(128 + signal)
    })?;
    Ok(())
}
