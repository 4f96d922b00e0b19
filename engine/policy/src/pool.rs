//! Which source address of a pool the next connection to a site leaves from.
//!
//! The sources of a pool take turns by weight (smooth weighted round robin, as nginx has it: a
//! source of weight 3 beside one of weight 1 gets every connection but each fourth). One that has
//! all the connections it may have, or was taken out of use, is passed over, and what it missed
//! is not made up for: it must not be flooded when it is back.
//!
//! A source may have a limit that is smaller for a time, because a host has asked for that; an
//! operator may take it out of use; it may have only so much in a time ([`Turns::rate`]), and only so much
//! of a day ([`Turns::rest`]). Then others have its turn.

use crate::pace::{Pacers, Rates, Spent};
use event::Tick;
use std::time::Duration;

/// A connection is opened though it may send only after this: it takes a while to be opened, and has a part
/// of what a source may send beside those that wait for that already.
const SOON: Duration = Duration::from_secs(1);

/// What the settings say of one source of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its share of the connections; with 0 it gets none.
    pub weight: u16,
    /// The most connections from it to one site. At least 1.
    pub connections_max: u16,
}

/// How the sources of one pool stand at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns(Vec<Turn>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Turn {
    member: Member,
    /// How far it is behind its share; ahead of it, below zero.
    behind: i64,
    connections: u16,
    /// Those of them that are about to end, since there are too many.
    leaving: u16,
    /// The most there may be for now, if that is less than ever.
    cap: Option<u16>,
    /// It is out of use until then.
    out_until: Tick,
    /// An operator has taken it out of use until then.
    disabled_until: Tick,
    /// It has had all that it may have of a day, which ends then.
    rests_until: Tick,
    /// What it may have in a time, if that is limited.
    pacers: Option<Box<Pacers>>,
}

/// Why no source may have another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// None is fit.
    OfFit,
    /// Those that are fit are out of use, the first until then; or have a weight of nothing.
    OfUse(Option<Tick>),
    /// None is in use, and an operator took out one that would be: the first is back then.
    OfOperator(Tick),
    /// Those in use have had all that they may have of a day, the first of which ends then.
    OfDay(Tick),
    /// Those that have a day have all the connections they may have.
    OfRoom,
    /// Those with room have had all that they may have in a time, of which the first may have more then.
    OfRate(Spent),
}

impl Turns {
    /// At a site where nothing has happened yet.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        Self(members.into_iter().map(Turn::new).collect())
    }

    /// The settings say this of the sources now, in the order they had, new ones behind them. What a
    /// source has and what it is out of use for stays; connections that are too many are to
    /// [leave](Self::must_leave).
    pub fn change(&mut self, members: impl IntoIterator<Item = Member>) {
        for (place, member) in members.into_iter().enumerate() {
            match self.0.get_mut(place) {
                Some(turn) => turn.member = member,
                None => self.0.push(Turn::new(member)),
            }
        }
    }

    /// Why [`Self::next`] would have none, if it would.
    #[must_use]
    pub fn want(&self, now: Tick, fit: impl Fn(usize) -> bool) -> Option<Want> {
        let fit = || self.those(&fit);
        if fit().any(|turn| turn.may_connect(now)) {
            return None;
        }
        if fit().any(|turn| turn.is_used(now)) {
            return Some(lacking(now, || fit().filter(move |turn| turn.is_used(now))));
        }
        let back = || fit().filter(|turn| turn.is_out(now)).map(|turn| turn.out_until).min();
        let disabled = fit().filter(|turn| turn.member.weight > 0 && turn.is_disabled(now));
        Some(match (fit().next(), disabled.map(|turn| turn.disabled_until).min()) {
            (None, _) => Want::OfFit,
            (Some(_), Some(until)) => Want::OfOperator(until),
            (Some(_), None) => Want::OfUse(back()),
        })
    }

    /// Why no message may go now by a connection of any source that is in use and `fit`, if none may.
    #[must_use]
    pub fn spent(&self, now: Tick, fit: impl Fn(usize) -> bool) -> Option<Want> {
        let used = || self.those(&fit).filter(move |turn| turn.is_used(now));
        let rest = used().map(|turn| turn.rests_until).min()?;
        if now < rest {
            return Some(Want::OfDay(rest));
        }
        let awake = used().filter(|turn| !turn.rests(now));
        let mut first: Option<Spent> = None;
        for turn in awake {
            let spent = turn.messages_spent(now)?;
            first = Some(first.filter(|first| first.until <= spent.until).unwrap_or(spent));
        }
        first.map(Want::OfRate)
    }

    fn those(&self, fit: &impl Fn(usize) -> bool) -> impl Iterator<Item = &Turn> {
        let all = self.0.iter().enumerate();
        all.filter(move |(index, _)| fit(*index)).map(|(_, turn)| turn)
    }

    /// The source of the next connection, which counts from now on, of those that may have one
    /// and are `fit`. Say [`Self::ended`] behind it.
    pub fn next(&mut self, now: Tick, fit: impl Fn(usize) -> bool) -> Option<usize> {
        let mut best: Option<(usize, i64)> = None;
        let mut total = 0;
        for (index, turn) in self.0.iter_mut().enumerate() {
            if !turn.may_connect(now) || !fit(index) {
                continue;
            }
            let weight = i64::from(turn.member.weight);
            turn.behind += weight;
            total += weight;
            if best.is_none_or(|(_, most)| turn.behind > most) {
                best = Some((index, turn.behind));
            }
        }
        let (index, _) = best?;
        self.0[index].behind -= total;
        self.0[index].connections += 1;
        if let Some(pacers) = self.pacers(index) {
            pacers.connects(now);
        }
        Some(index)
    }

    /// A connection has ended, or came to nothing.
    ///
    /// # Panics
    /// If the source had none.
    pub fn ended(&mut self, source: usize) {
        let turn = &mut self.0[source];
        turn.connections = turn.connections.checked_sub(1).expect("a connection ends once");
        turn.leaving = turn.leaving.saturating_sub(1);
    }

    /// The connections of a source.
    #[must_use]
    pub fn connections(&self, source: usize) -> u16 {
        self.0[source].connections
    }

    /// A source may have no more connections than this from now on; `None`: as many as ever. With 0
    /// it is out of use.
    pub fn cap(&mut self, source: usize, cap: Option<u16>) {
        self.0[source].cap = cap;
    }

    /// Whether a connection of this source is one too many, for its [cap](Self::cap) or since the
    /// settings have [changed](Self::change): then it is counted as about to end, and the next one
    /// that asks is not told so for its sake.
    pub fn must_leave(&mut self, source: usize) -> bool {
        let turn = &mut self.0[source];
        let stay = turn.connections - turn.leaving;
        let too_many = stay > if turn.member.weight == 0 { 0 } else { turn.most() };
        turn.leaving += u16::from(too_many);
        too_many
    }

    /// A source is out of use until then. Its connections are to end when they have nothing on
    /// their way.
    pub fn take_out(&mut self, source: usize, until: Tick) {
        self.0[source].out_until = until;
    }

    /// An operator takes a source out of use until then, or, with a moment that is over, puts it back.
    pub fn disable(&mut self, source: usize, until: Tick) {
        self.0[source].disabled_until = until;
    }

    /// A source is of use again, as far as it is not [disabled](Self::disable).
    pub fn put_back(&mut self, source: usize) {
        self.0[source].out_until = Tick::ZERO;
    }

    /// Whether a source is out of use, if only for the rest of its day.
    #[must_use]
    pub fn is_out(&self, source: usize, now: Tick) -> bool {
        self.0[source].is_out(now) || self.0[source].rests(now)
    }

    /// When the first of those that are out of use is back, if any is out.
    #[must_use]
    pub fn back_at(&self, now: Tick) -> Option<Tick> {
        self.0.iter().map(|turn| turn.out_until).filter(|until| now < *until).min()
    }

    /// Each has no more in a time than this from now on. What it had counts on where a rate is the same.
    pub fn rate(&mut self, rates: Rates) {
        for turn in &mut self.0 {
            if rates.is_empty() {
                turn.pacers = None;
            } else {
                turn.pacers.get_or_insert_default().change(rates);
            }
        }
    }

    /// Why a source may send no message now, by what it may have in a time.
    #[must_use]
    pub fn messages_spent(&self, source: usize, now: Tick) -> Option<Spent> {
        self.0.get(source)?.messages_spent(now)
    }

    /// A message of so many octets goes from a source.
    pub fn sends(&mut self, source: usize, bytes: u64, now: Tick) {
        if let Some(pacers) = self.pacers(source) {
            pacers.sends(bytes, now);
        }
    }

    /// One that was to go did not.
    pub fn unsent(&mut self, source: usize, bytes: u64) {
        if let Some(pacers) = self.pacers(source) {
            pacers.unsent(bytes);
        }
    }

    /// Whether a source may open a connection beside the one for which it was its turn, as to the next
    /// host: then it is counted.
    pub fn connects_again(&mut self, source: usize, now: Tick) -> bool {
        let Some(pacers) = self.pacers(source) else { return true };
        let may = pacers.connections_spent(now).is_none();
        if may {
            pacers.connects(now);
        }
        may
    }

    fn pacers(&mut self, source: usize) -> Option<&mut Pacers> {
        self.0.get_mut(source)?.pacers.as_deref_mut()
    }

    /// A source has had all that it may have of a day, which ends then; a moment that is over: it may
    /// have more. Its connections are to end when they have nothing on their way.
    pub fn rest(&mut self, source: usize, until: Tick) {
        self.0[source].rests_until = until;
    }

    /// How many connections there may be from all sources that are in use and `fit`.
    #[must_use]
    pub fn connections_max(&self, now: Tick, fit: impl Fn(usize) -> bool) -> u16 {
        let used = self
            .0
            .iter()
            .enumerate()
            .filter(|(index, turn)| turn.member.weight > 0 && !turn.is_out(now) && fit(*index));
        used.map(|(_, turn)| turn.most()).fold(0, u16::saturating_add)
    }
}

/// Why none of those that are in use may have another connection.
fn lacking<'t, I: Iterator<Item = &'t Turn>>(now: Tick, used: impl Fn() -> I) -> Want {
    let awake = || used().filter(move |turn| !turn.rests(now));
    if awake().next().is_none() {
        return Want::OfDay(used().map(|turn| turn.rests_until).min().unwrap_or(now));
    }
    let open = awake().filter(|turn| turn.has_room()).filter_map(|turn| turn.paused(now));
    open.min_by_key(|spent| spent.until).map_or(Want::OfRoom, Want::OfRate)
}

impl Turn {
    const fn new(member: Member) -> Self {
        let (out_until, disabled_until, rests_until) = (Tick::ZERO, Tick::ZERO, Tick::ZERO);
        let (behind, connections, leaving, cap, pacers) = (0, 0, 0, None, None);
        Self {
            member,
            behind,
            connections,
            leaving,
            cap,
            out_until,
            disabled_until,
            rests_until,
            pacers,
        }
    }

    fn is_out(&self, now: Tick) -> bool {
        now < self.out_until || self.is_disabled(now) || self.cap == Some(0)
    }

    fn is_disabled(&self, now: Tick) -> bool {
        now < self.disabled_until
    }

    fn is_used(&self, now: Tick) -> bool {
        self.member.weight > 0 && !self.is_out(now)
    }

    fn rests(&self, now: Tick) -> bool {
        now < self.rests_until
    }

    const fn has_room(&self) -> bool {
        self.connections < self.most()
    }

    const fn most(&self) -> u16 {
        match self.cap {
            Some(cap) if cap < self.member.connections_max => cap,
            _ => self.member.connections_max,
        }
    }

    fn messages_spent(&self, now: Tick) -> Option<Spent> {
        self.pacers.as_ref()?.messages_spent(now)
    }

    /// Whether it may have another connection now, which then may send.
    fn may_connect(&self, now: Tick) -> bool {
        let is_free = self.is_used(now) && !self.rests(now) && self.has_room();
        is_free && self.paused(now).is_none()
    }

    /// What it waits for before another connection is of use.
    fn paused(&self, now: Tick) -> Option<Spent> {
        let pacers = self.pacers.as_ref()?;
        let messages = pacers.messages_spent(now).filter(|spent| now + SOON < spent.until);
        let spent = messages.into_iter().chain(pacers.connections_spent(now));
        spent.max_by_key(|spent| spent.until)
    }
}

#[cfg(test)]
mod tests;
