//! Which source address of a pool the next connection to a site leaves from.
//!
//! The sources of a pool take turns by weight (smooth weighted round robin, as nginx has it: a
//! source of weight 3 beside one of weight 1 gets every connection but each fourth). One that has
//! all the connections it may have, or was taken out of use, is passed over, and what it missed
//! is not made up for: it must not be flooded when it is back.
//!
//! A source may have a limit that is smaller for a time, because a host has asked for that; and an
//! operator may take it out of use.

use event::Tick;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Those in use have all the connections they may have.
    OfRoom,
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
        let fit = &fit;
        let fit = || {
            let all = self.0.iter().enumerate();
            all.filter(move |(index, _)| fit(*index)).map(|(_, turn)| turn)
        };
        if fit().any(|turn| turn.room(now) > 0) {
            return None;
        }
        let is_used = |turn: &Turn| turn.member.weight > 0 && !turn.is_out(now);
        let back = || fit().filter(|turn| turn.is_out(now)).map(|turn| turn.out_until).min();
        let disabled = fit().filter(|turn| turn.member.weight > 0 && turn.is_disabled(now));
        Some(match (fit().next(), disabled.map(|turn| turn.disabled_until).min()) {
            (None, _) => Want::OfFit,
            (Some(_), _) if fit().any(is_used) => Want::OfRoom,
            (Some(_), Some(until)) => Want::OfOperator(until),
            (Some(_), None) => Want::OfUse(back()),
        })
    }

    /// The source of the next connection, which counts from now on, of those that may have one
    /// and are `fit`. Say [`Self::ended`] behind it.
    pub fn next(&mut self, now: Tick, fit: impl Fn(usize) -> bool) -> Option<usize> {
        let mut best: Option<(usize, i64)> = None;
        let mut total = 0;
        for (index, turn) in self.0.iter_mut().enumerate() {
            if turn.room(now) == 0 || !fit(index) {
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

    /// Whether a source is out of use.
    #[must_use]
    pub fn is_out(&self, source: usize, now: Tick) -> bool {
        self.0[source].is_out(now)
    }

    /// When the first of those that are out of use is back, if any is out.
    #[must_use]
    pub fn back_at(&self, now: Tick) -> Option<Tick> {
        self.0.iter().map(|turn| turn.out_until).filter(|until| now < *until).min()
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

impl Turn {
    const fn new(member: Member) -> Self {
        let (out_until, disabled_until) = (Tick::ZERO, Tick::ZERO);
        Self { member, behind: 0, connections: 0, leaving: 0, cap: None, out_until, disabled_until }
    }

    fn is_out(&self, now: Tick) -> bool {
        now < self.out_until || self.is_disabled(now) || self.cap == Some(0)
    }

    fn is_disabled(&self, now: Tick) -> bool {
        now < self.disabled_until
    }

    /// How many more connections it may have now.
    fn room(&self, now: Tick) -> u16 {
        if self.member.weight == 0 || self.is_out(now) {
            return 0;
        }
        self.most().saturating_sub(self.connections)
    }

    fn most(&self) -> u16 {
        self.cap.map_or(self.member.connections_max, |cap| cap.min(self.member.connections_max))
    }
}

#[cfg(test)]
mod tests;
