//! All shards are asked, and what they answer becomes one answer.
//!
//! A shard that does not answer in time is named, and the others' answers count: nobody waits for
//! one that is stuck.

mod merge;

pub(crate) use merge::{Known, Whole};

use policy::survey::{Answer, Counted, Key, Message, Order, Question};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, timeout_at};

/// How long a shard is waited for as a rule. Its loop turns within a few milliseconds, if it turns.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Hears an answer.
pub type Tell = Box<dyn FnOnce(Answer) + Send>;

/// What new settings are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The keys that have changed: `retry.first`, or `[[route]]` for any of a list.
    pub changed: Vec<String>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

/// Hears what came of it, or why the old settings are still in force.
pub type TellReloaded = Box<dyn FnOnce(Result<Reloaded, String>) + Send>;

/// The shards, as somebody who asks them sees them, and the settings they are under.
pub trait Shards: Send + Sync + fmt::Debug {
    /// How many there are.
    fn count(&self) -> usize;

    /// Asks one. `tell` is called once, on its thread; or dropped, if it ends before.
    fn ask(&self, shard: usize, question: Question, tell: Tell);

    /// Keeps what is to hold after a restart too, of an order that all are about to be given.
    ///
    /// # Errors
    /// If it is not to be given, since too many hold.
    fn keep(&self, order: &Order) -> Result<(), String>;

    /// Orders that hold.
    fn orders(&self) -> Vec<Order>;

    /// Reads the settings again and puts them in force, or only says what that would change. `tell`
    /// is called once, or dropped if nobody does it any more.
    fn reload(&self, by: &str, is_dry: bool, tell: TellReloaded);

    /// Where a key of the settings was written, such as `ringpost.toml:12`; `None` if it was not.
    fn place(&self, key: Key) -> Option<String>;
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// By shard.
    pub(crate) answers: Vec<(usize, Answer)>,
    /// Shards that did not answer.
    pub(crate) silent: Vec<usize>,
}

/// Asks all of them, and waits so long for each.
pub(crate) async fn ask(
    shards: &Arc<dyn Shards>,
    question: &Question,
    patience: Duration,
) -> Round {
    let (heard, mut answers) = unbounded_channel();
    let count = shards.count();
    for shard in 0..count {
        let heard = heard.clone();
        // Whoever asked may have gone.
        let tell = move |answer| drop(heard.send((shard, answer)));
        shards.ask(shard, question.clone(), Box::new(tell));
    }
    drop(heard);
    let deadline = Instant::now() + patience;
    let mut round = Round::default();
    while round.answers.len() < count
        && let Ok(Some(answer)) = timeout_at(deadline, answers.recv()).await
    {
        round.answers.push(answer);
    }
    round.answers.sort_by_key(|(shard, _)| *shard);
    let is_silent = |shard: &usize| round.answers.iter().all(|(heard, _)| heard != shard);
    round.silent = (0..count).filter(is_silent).collect();
    round
}

impl Round {
    /// How things stand, of the sites with most mail so many.
    pub(crate) fn whole(&self, most: usize) -> Whole {
        let sites = self.answers.iter().filter_map(|(shard, answer)| match answer {
            Answer::Sites(sites) => Some((*shard, sites)),
            _ => None,
        });
        Whole::of(sites, most)
    }

    /// What is known under a name.
    pub(crate) fn known(&self) -> Known {
        Known::of(self.answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Name(named) => Some(&**named),
            _ => None,
        }))
    }

    /// The message, from the shard that has it.
    pub(crate) fn message(&self) -> Option<&Message> {
        self.answers.iter().find_map(|(_, answer)| match answer {
            Answer::Message(message) => message.as_deref(),
            _ => None,
        })
    }

    /// What an order is about; `None` if no shard knows anything that is.
    pub(crate) fn counted(&self) -> Option<Counted> {
        let all = self.answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Order(counted) => *counted,
            _ => None,
        });
        all.reduce(Counted::plus)
    }
}
