//! What a reply asks of whoever sends.

use super::scope::{Scope, Scopes};
use crate::span;
use std::fmt;
use std::time::Duration;

/// What a reply asks for, beyond what its code makes of the recipient.
///
/// It is about the keys that the reply's [`Scopes`] name, each at the site that said it: another
/// site, and another key there, goes on as before. A pause is the least; what follows it is the
/// action's own way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: what is put off is tried again by the schedule.
    None,
    /// The recipient fails, as the code says, and no other try would do better. If it is the recipient
    /// that is meant, and not the message, that counts towards never writing there again.
    Bounce,
    /// The recipient fails, even if the host only put it off. No rule of ours says so: it is for
    /// operators who know better.
    Fail,
    /// Everything that waits for the site fails, in these words: it would hear the same. With the scope
    /// `tenant` or `campaign`, or both, what is of that one of the message.
    DropQueue,
    /// The connection is used up; another may be opened at once, and no failure is counted.
    Reconnect,
    /// Half as fast for this long; then a little faster with each success.
    BackOff(Duration),
    /// One connection fewer than there were, and one more tried now and then; for this long nothing if it
    /// was the only one. Without a pause that is no reason to stop, and the words are nobody's: they say
    /// something only of a host that serves others of our connections meanwhile.
    OneFewer(Duration),
    /// Fewer messages in a time, as many as the host turns out to take; nothing for this long at most if
    /// it takes none.
    SlowDown(Duration),
    /// This recipient waits, and nobody else.
    DelayRecipient(Duration),
    /// Nothing for this long; then one connection, and one more with each that worked. Google's own
    /// way; where the first fails, the same once more.
    OneThenMore(Duration),
    /// Nothing for this long, then as before.
    Suspend(Duration),
    /// Other hosts of the site are taken for this long, as long as there are any.
    SkipHost(Duration),
    /// The source address is taken out of the site for this long; other sources go on.
    PullSource(Duration),
}

impl Action {
    /// Names in rules, and whether a pause goes with each; `None`: if one is written.
    const NAMES: [(&'static str, Option<bool>); 13] = [
        ("none", Some(false)),
        ("bounce", Some(false)),
        ("fail", Some(false)),
        ("drop-queue", Some(false)),
        ("reconnect", Some(false)),
        ("back-off", Some(true)),
        ("delay-recipient", Some(true)),
        ("one-then-more", Some(true)),
        ("suspend", Some(true)),
        ("skip-host", Some(true)),
        ("pull-source", Some(true)),
        ("one-fewer", None),
        ("slow-down", Some(true)),
    ];

    /// The action that a rule calls so, for the keys that it names.
    ///
    /// # Errors
    /// If there is no such action, or it cannot be done with this pause or to these keys.
    pub fn new(name: &str, pause: Option<Duration>, scopes: Scopes) -> Result<Self, String> {
        let Some((_, has_pause)) = Self::NAMES.iter().find(|known| known.0 == name) else {
            let all = Self::NAMES.map(|known| known.0).join(", ");
            return Err(format!("\"{name}\" is no action; there are {all}"));
        };
        let action = match (name, pause.unwrap_or_default()) {
            _ if *has_pause == Some(true) && pause.is_none_or(|pause| pause.is_zero()) => {
                return Err(format!("\"{name}\" needs a `pause`, such as \"10m\""));
            }
            _ if *has_pause == Some(false) && pause.is_some() => {
                return Err(format!("\"{name}\" has no `pause`"));
            }
            ("bounce", _) => Self::Bounce,
            ("fail", _) => Self::Fail,
            ("drop-queue", _) => Self::DropQueue,
            ("reconnect", _) => Self::Reconnect,
            ("back-off", pause) => Self::BackOff(pause),
            ("delay-recipient", pause) => Self::DelayRecipient(pause),
            ("one-then-more", pause) => Self::OneThenMore(pause),
            ("suspend", pause) => Self::Suspend(pause),
            ("skip-host", pause) => Self::SkipHost(pause),
            ("pull-source", pause) => Self::PullSource(pause),
            ("one-fewer", pause) => Self::OneFewer(pause),
            ("slow-down", pause) => Self::SlowDown(pause),
            (_, _) => Self::None,
        };
        let is_flows = scopes.contains(Scope::Tenant) || scopes.contains(Scope::Campaign);
        if is_flows && action != Self::DropQueue {
            return Err(format!("\"{name}\" has no scope \"tenant\" or \"campaign\""));
        }
        match action.missing(scopes) {
            Some(scope) => Err(format!("\"{name}\" needs the scope \"{scope}\"")),
            None => Ok(action),
        }
    }

    /// Its name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let place = match self {
            Self::None => 0,
            Self::Bounce => 1,
            Self::Fail => 2,
            Self::DropQueue => 3,
            Self::Reconnect => 4,
            Self::BackOff(_) => 5,
            Self::DelayRecipient(_) => 6,
            Self::OneThenMore(_) => 7,
            Self::Suspend(_) => 8,
            Self::SkipHost(_) => 9,
            Self::PullSource(_) => 10,
            Self::OneFewer(_) => 11,
            Self::SlowDown(_) => 12,
        };
        Self::NAMES[place].0
    }

    /// The pause that goes with it.
    #[must_use]
    pub const fn pause(self) -> Option<Duration> {
        match self {
            Self::None | Self::Bounce | Self::Fail | Self::DropQueue | Self::Reconnect => None,
            Self::OneFewer(pause) if pause.is_zero() => None,
            Self::BackOff(pause)
            | Self::DelayRecipient(pause)
            | Self::OneThenMore(pause)
            | Self::Suspend(pause)
            | Self::SkipHost(pause)
            | Self::PullSource(pause)
            | Self::OneFewer(pause)
            | Self::SlowDown(pause) => Some(pause),
        }
    }

    /// The same, for a reply with this code. What a host only puts off is failed for no words of
    /// its, unless an operator wants that: it may be wrong about them tomorrow.
    pub(super) fn under(self, code: u16) -> Self {
        let is_final = (500..600).contains(&code);
        if !is_final && matches!(self, Self::Bounce | Self::DropQueue) { Self::None } else { self }
    }

    /// The scope without which it cannot be done.
    fn missing(self, scopes: Scopes) -> Option<&'static str> {
        let has_source = scopes.contains(Scope::SourceAddress) || scopes.contains(Scope::Netblock);
        let needed = match self {
            Self::None | Self::Bounce | Self::Fail => return None,
            Self::PullSource(_) if has_source => return None,
            Self::PullSource(_) => Scope::SourceAddress,
            Self::Reconnect => Scope::Connection,
            Self::DelayRecipient(_) => Scope::Recipient,
            Self::SkipHost(_) => Scope::Host,
            Self::DropQueue => {
                const QUEUES: [Scope; 3] = [Scope::Site, Scope::Tenant, Scope::Campaign];
                let has_queue = scopes.iter().all(|scope| QUEUES.contains(&scope));
                let is_sound = has_queue && scopes != Scopes::NONE;
                return if is_sound { None } else { Some("site, tenant or campaign") };
            }
            Self::BackOff(_)
            | Self::OneThenMore(_)
            | Self::OneFewer(_)
            | Self::SlowDown(_)
            | Self::Suspend(_) => {
                let some = scopes != Scopes::NONE;
                return if some { None } else { Some("of one key or more") };
            }
        };
        (!scopes.contains(needed)).then(|| needed.name())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.pause().map_or(Ok(()), |pause| write!(f, " {}", span::show(pause)))
    }
}
