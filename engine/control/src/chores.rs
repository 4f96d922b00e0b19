//! What is done again and again, on a thread of its own because it may wait for a disk: a file
//! that cannot be read must not keep names from being looked up.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use tokio::time::Instant;

/// Something that is done again and again, if the disk lets it.
pub struct Chore {
    /// How long it is let be.
    pub every: Duration,
    /// What is done.
    pub work: Box<dyn FnMut() + Send>,
}

impl fmt::Debug for Chore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chore").field("every", &self.every).finish_non_exhaustive()
    }
}

/// Keeps chores going until it is dropped. One that hangs then is not waited for.
#[derive(Debug)]
pub(crate) struct Keeper {
    _hold: Sender<()>,
}

/// Starts to do `chores`, one after the other.
///
/// # Errors
/// If there can be no thread for them.
pub(crate) fn keep(chores: Vec<Chore>) -> io::Result<Keeper> {
    let (hold, released) = channel();
    if !chores.is_empty() {
        let work = move || run(chores, &released);
        thread::Builder::new().name("chores".to_owned()).spawn(work)?;
    }
    Ok(Keeper { _hold: hold })
}

fn run(chores: Vec<Chore>, released: &Receiver<()>) {
    let due = |chore: &Chore| Instant::now() + chore.every;
    let mut chores: Vec<_> = chores.into_iter().map(|chore| (due(&chore), chore)).collect();
    while let Some((next, chore)) = chores.iter_mut().min_by_key(|(next, _)| *next) {
        let wait = next.saturating_duration_since(Instant::now());
        if released.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        // What it holds is looked at again from the start the next time.
        if catch_unwind(AssertUnwindSafe(&mut chore.work)).is_err() {
            tracing::error!("a chore ended in a panic; it is tried again");
        }
        *next = due(chore);
    }
}

#[cfg(test)]
mod tests {
    use super::{Chore, keep};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn a_chore_that_fails_is_done_again_and_keeps_no_other_from_it() {
        let (tell, told) = channel();
        let chore = |name: &'static str| {
            let tell = tell.clone();
            let work = move || {
                tell.send(name).unwrap();
                assert_ne!(name, "fails");
            };
            Chore { every: Duration::from_millis(1), work: Box::new(work) }
        };
        let keeper = keep(vec![chore("fails"), chore("works")]).unwrap();
        drop(tell);
        let patience = Duration::from_secs(10);
        let heard: Vec<_> = (0..6).map(|_| told.recv_timeout(patience).unwrap()).collect();
        assert!(heard.iter().filter(|name| **name == "fails").count() > 1, "{heard:?}");
        assert!(heard.contains(&"works"), "{heard:?}");
        drop(keeper);
        while told.recv_timeout(patience).is_ok() {}
        assert!(told.try_recv().is_err(), "nothing is done any more");
    }
}
