//! One limit of connections, divided among shards.
//!
//! A site's home holds all of its connections, and may lend some to other shards: [`Shares`]
//! keeps count of them at home, a [`Share`] at each of the others. Both only count. What one hands
//! over travels in a letter of the caller's, and belongs to nobody until it has arrived:
//!
//! **What the home may have, what the others have, and what is on its way are never more than the
//! limit**, whatever order letters come in. So the home lends only what it has no connection for, and
//! the others give back only what they have none for. Where the limit becomes less, what was
//! handed over is called back, and nobody is given more before it has come.

/// Who has how many of a site's connections: kept by its home.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shares {
    most: u16,
    /// By shard; nothing at the home's own place.
    loans: Box<[Loan]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Loan {
    /// What was handed over and has not come back.
    has: u16,
    /// What it is to have: as many at least.
    wants: u16,
}

impl Shares {
    /// All `most` connections are with the home, which is one of so many shards.
    #[must_use]
    pub fn new(most: u16, shards: usize) -> Self {
        Self { most, loans: vec![Loan::default(); shards].into() }
    }

    /// Wants equal shares for all: the largest for `home`, and where there are more shards than
    /// connections, none for some.
    pub fn divide(&mut self, home: usize) {
        let shards = self.loans.len();
        let holders = shards.min(self.most.into());
        let each = self.most / u16::try_from(holders.max(1)).unwrap_or(u16::MAX);
        for next in 1..holders {
            let loan = &mut self.loans[(home + next) % shards];
            loan.wants = loan.has.max(each);
        }
    }

    /// The limit is another. Nothing more is handed over, and what was is to come back.
    pub fn change(&mut self, most: u16) {
        self.recall();
        self.most = most;
    }

    /// The limit.
    #[must_use]
    pub const fn most(&self) -> u16 {
        self.most
    }

    /// How many connections the home may have. It may have more still, from before.
    #[must_use]
    pub fn own(&self) -> u16 {
        self.most.saturating_sub(self.loans.iter().map(|loan| loan.wants).sum())
    }

    /// How many were handed over and have not come back.
    #[must_use]
    pub fn lent(&self) -> u16 {
        self.loans.iter().map(|loan| loan.has).sum()
    }

    /// Whether nothing is lent, or is to be.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.loans.iter().all(|loan| *loan == Loan::default())
    }

    /// What the home, which has so many `lanes`, hands over next: to which shard, and how many.
    pub fn lend(&mut self, lanes: u16) -> Option<(usize, u16)> {
        let kept = self.own().max(lanes);
        let free = self.most.saturating_sub(self.lent()).saturating_sub(kept);
        let lacks = |loan: &Loan| loan.wants - loan.has;
        let (shard, loan) =
            self.loans.iter_mut().enumerate().max_by_key(|(_, loan)| lacks(loan))?;
        let count = free.min(lacks(loan));
        loan.has += count;
        (count > 0).then_some((shard, count))
    }

    /// So many have come back from a shard, which wants no others for them.
    ///
    /// # Panics
    /// If it had fewer.
    pub fn returned(&mut self, shard: usize, count: u16) {
        let loan = &mut self.loans[shard];
        loan.has = loan.has.checked_sub(count).expect("nobody gives back what it has not");
        loan.wants = loan.has;
    }

    /// Nothing more is handed over. What was is to come back.
    pub fn recall(&mut self) {
        self.loans.iter_mut().for_each(|loan| loan.wants = loan.has);
    }

    /// Shards that have some.
    pub fn holders(&self) -> impl Iterator<Item = usize> {
        self.loans.iter().enumerate().filter(|(_, loan)| loan.has > 0).map(|(shard, _)| shard)
    }
}

/// The connections of a site that a shard has which is not its home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Share {
    has: u16,
    is_over: bool,
}

impl Share {
    /// So many have come.
    pub const fn lent(&mut self, count: u16) {
        self.has += count;
    }

    /// All are to go back.
    pub const fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether all are to go back.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many connections the shard may have. It may have more still, from before.
    #[must_use]
    pub const fn own(&self) -> u16 {
        if self.is_over { 0 } else { self.has }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.has == 0
    }

    /// Gives back what the shard, which has so many `lanes`, has no connection for: how many.
    pub const fn give_back(&mut self, lanes: u16) -> u16 {
        let spare = self.has.saturating_sub(lanes);
        self.has -= spare;
        spare
    }
}

#[cfg(test)]
mod tests;
