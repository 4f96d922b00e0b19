//! Every order in which letters come and connections open and end, in a small world.

use super::{Share, Shares};
use std::collections::{HashSet, VecDeque};

const HOME: usize = 1;
const SHARDS: usize = 3;

/// What is on its way between the home and another shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Letter {
    Lend(u16),
    Recall,
    Return(u16),
}

/// A shard other than the home, and the letters to and from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Other {
    share: Share,
    lanes: u16,
    to: VecDeque<Letter>,
    from: VecDeque<Letter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    shares: Shares,
    lanes: u16,
    others: [Other; SHARDS],
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Open,
    Close,
    Divide,
    Lend,
    Recall,
    Change(u16),
    OpenAt(usize),
    CloseAt(usize),
    /// It has nothing to do, or is asked.
    GiveBackAt(usize),
    /// No host answers there.
    EndAt(usize),
    ArriveAt(usize),
    ArriveFrom(usize),
}

impl Act {
    /// All there are, where the limit may become each of these.
    fn all(limits: &[u16]) -> Vec<Self> {
        let mut all = vec![Self::Open, Self::Close, Self::Divide, Self::Lend, Self::Recall];
        all.extend(limits.iter().map(|most| Self::Change(*most)));
        let at = [
            Self::OpenAt,
            Self::CloseAt,
            Self::GiveBackAt,
            Self::EndAt,
            Self::ArriveAt,
            Self::ArriveFrom,
        ];
        let others = (0..SHARDS).filter(|shard| *shard != HOME);
        all.extend(others.flat_map(|shard| at.map(|act| act(shard))));
        all
    }
}

/// Letters to one shard that may be on their way at once: more would only be later.
const LETTERS_MAX: usize = 2;

impl World {
    fn new(most: u16) -> Self {
        let shares = Shares::new(most, SHARDS);
        Self { shares, lanes: 0, others: std::array::from_fn(|_| Other::default()) }
    }

    /// The world after `act`; `None` if it cannot happen.
    fn after(&self, act: Act) -> Option<Self> {
        let mut world = self.clone();
        world.act(act).then_some(world)
    }

    fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Open if self.lanes < self.shares.own() => self.lanes += 1,
            Act::Close if self.lanes > 0 => self.lanes -= 1,
            Act::Divide => self.shares.divide(HOME),
            Act::Lend => {
                let Some((shard, count)) = self.shares.lend(self.lanes) else { return false };
                self.others[shard].to.push_back(Letter::Lend(count));
            }
            Act::Recall => {
                self.shares.recall();
                self.tell_holders();
            }
            Act::Change(most) if most != self.shares.most() => {
                self.shares.change(most);
                self.tell_holders();
            }
            Act::OpenAt(shard) if self.others[shard].lanes < self.others[shard].share.own() => {
                self.others[shard].lanes += 1;
            }
            Act::CloseAt(shard) if self.others[shard].lanes > 0 => self.others[shard].lanes -= 1,
            Act::GiveBackAt(shard) => {
                let other = &mut self.others[shard];
                let count = other.share.give_back(other.lanes);
                if count == 0 {
                    return false;
                }
                other.from.push_back(Letter::Return(count));
                if other.share.is_empty() && other.lanes == 0 {
                    other.share = Share::default();
                }
            }
            Act::EndAt(shard) if !self.others[shard].share.is_empty() => {
                self.others[shard].share.end();
            }
            Act::ArriveAt(shard) => {
                let other = &mut self.others[shard];
                match other.to.pop_front() {
                    Some(Letter::Lend(count)) => other.share.lent(count),
                    Some(Letter::Recall) if !other.share.is_empty() => other.share.end(),
                    Some(_) => (),
                    None => return false,
                }
            }
            Act::ArriveFrom(shard) => {
                let letter = self.others[shard].from.pop_front();
                let Some(Letter::Return(count)) = letter else { return false };
                self.shares.returned(shard, count);
            }
            _ => return false,
        }
        self.others.iter().all(|other| other.to.len().max(other.from.len()) <= LETTERS_MAX)
    }

    fn tell_holders(&mut self) {
        for shard in self.shares.holders() {
            self.others[shard].to.push_back(Letter::Recall);
        }
    }

    /// Connections there are.
    fn all_lanes(&self) -> u16 {
        self.lanes + self.others.iter().map(|other| other.lanes).sum::<u16>()
    }

    /// What may be had by anybody now, and what is on its way.
    fn all_places(&self) -> u16 {
        let own = self.shares.own().max(self.lanes);
        let moving = |letters: &VecDeque<Letter>| {
            let count = |letter: &Letter| match letter {
                Letter::Lend(count) | Letter::Return(count) => *count,
                Letter::Recall => 0,
            };
            letters.iter().map(count).sum::<u16>()
        };
        let others = self.others.iter();
        own + others
            .map(|other| other.share.has + moving(&other.to) + moving(&other.from))
            .sum::<u16>()
    }
}

#[test]
fn the_limit_is_kept_in_every_order_of_events() {
    for most in 1..=3 {
        let (mut seen, mut next) = (HashSet::new(), VecDeque::from([World::new(most)]));
        let mut full = false;
        while let Some(world) = next.pop_front() {
            for act in Act::all(&[]) {
                let Some(after) = world.after(act) else { continue };
                assert!(after.all_lanes() <= most, "{act:?} made {after:?} of {world:?}");
                assert!(after.all_places() <= most, "{act:?} made {after:?} of {world:?}");
                full |= after.all_lanes() == most && after.lanes < most;
                if seen.insert(after.clone()) {
                    next.push_back(after);
                }
            }
        }
        assert_eq!(full, most > 1, "several shards have all of it together");
        println!("{} worlds with {most} connections", seen.len());
    }
}

/// Then there may be as many as there were, until they end.
#[test]
fn nobody_gets_more_while_a_lower_limit_is_not_kept() {
    let (mut seen, mut next) = (HashSet::new(), VecDeque::from([World::new(2)]));
    let mut broken = false;
    while let Some(world) = next.pop_front() {
        for act in Act::all(&[1, 2]) {
            let Some(after) = world.after(act) else { continue };
            let most = after.shares.most().max(world.all_places());
            assert!(after.all_lanes() <= after.all_places(), "{act:?} made {after:?} of {world:?}");
            assert!(after.all_places() <= most, "{act:?} made {after:?} of {world:?}");
            broken |= after.all_places() > after.shares.most();
            if seen.insert(after.clone()) {
                next.push_back(after);
            }
        }
    }
    assert!(broken, "a limit becomes less than there are");
    println!("{} worlds", seen.len());
}

#[test]
fn shares_are_equal_and_the_home_s_is_the_largest() {
    for (most, shards, wanted) in [
        (10, 2, vec![(0, 5)]),
        (11, 3, vec![(2, 3), (0, 3)]),
        (2, 4, vec![(2, 1)]),
        (1, 2, vec![]),
        (10, 1, vec![]),
    ] {
        let mut shares = Shares::new(most, shards);
        let home = 1 % shards;
        shares.divide(home);
        assert_eq!(shares.lend(most), None, "it has connections for all");
        let mut lent: Vec<_> = std::iter::from_fn(|| shares.lend(shares.own())).collect();
        lent.sort_by_key(|(shard, _)| (shard + shards - home) % shards);
        assert_eq!(lent, wanted, "{most} among {shards}");
        assert_eq!(shares.own() + shares.lent(), most);
    }
}

#[test]
fn what_comes_back_is_the_home_s_until_it_is_divided_anew() {
    let mut shares = Shares::new(10, 2);
    shares.divide(0);
    assert_eq!((shares.lend(7), shares.lend(7)), (Some((1, 3)), None));
    assert_eq!((shares.own(), shares.lend(5)), (5, Some((1, 2))));
    shares.returned(1, 4);
    assert_eq!((shares.own(), shares.lent(), shares.lend(0)), (9, 1, None));
    shares.divide(0);
    assert_eq!((shares.own(), shares.lend(5)), (5, Some((1, 4))));
    shares.recall();
    assert_eq!(shares.holders().collect::<Vec<_>>(), [1]);
    shares.returned(1, 5);
    assert_eq!((shares.own(), shares.holders().count()), (10, 0));
}
