//! What is ready at one site, and what is next.
//!
//! Mail of one flow is a list. Where several flows have some, tenants take turns, a tenant's campaigns take
//! turns at its part, and within a flow the first ready is the first taken.
//! [Transactional](policy::Class::Transactional) mail goes before all bulk, except that behind
//! [`TRANSACTIONAL_IN_A_ROW_MAX`] of it a message of bulk has its turn, if there is one.
//!
//! What is [held](super::Hold) is kept beside that, and has no turn.
//!
//! Turns are counted in octets of messages, since these are what a site's connections are busy with:
//! counted in messages, one tenant's large ones would leave little of a connection for another's small ones.

mod held;
mod many;
mod round;

use super::flow::{Flow, Queued};
use super::store::{Cursor, List, Step, Store};
use held::Held;
use many::Many;
use round::Idle;

pub use many::{COST_MAX, QUANTUM, TRANSACTIONAL_IN_A_ROW_MAX};

/// The ready deliveries of a site.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Those that have a turn.
    len: usize,
    lines: Lines,
    /// Those that have none, if there are any.
    held: Option<Box<Held>>,
    /// Transactional messages taken one behind the other while there was bulk.
    in_a_row: u8,
}

#[derive(Debug)]
enum Lines {
    /// One flow has deliveries at most, as at nearly every site: it costs what a list costs.
    One(Option<Line>),
    Many(Box<Many>),
}

/// The deliveries of one flow.
#[derive(Debug)]
struct Line {
    flow: Flow,
    list: List,
    len: usize,
    /// How far they have been looked through.
    looked: Cursor,
}

/// Where a delivery comes into its flow.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Front,
    Back,
}

impl Default for Lines {
    fn default() -> Self {
        Self::One(None)
    }
}

impl Ready {
    /// Deliveries that have a turn.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Deliveries that have none, since their flows are held.
    pub(super) fn held_len(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.len())
    }

    /// Puts a delivery of a flow that is held before or behind all others of that.
    pub(super) fn hold<D: Queued>(&mut self, store: &mut Store<D>, delivery: D, end: End) {
        self.held.get_or_insert_default().put(store, delivery, end);
    }

    /// Flows that pass `test` have no turn from now on; whether there are any.
    pub(super) fn hold_all(&mut self, test: impl Fn(&Flow) -> bool) -> bool {
        let held: Vec<_> = match &mut self.lines {
            Lines::One(line) => line.take_if(|line| test(&line.flow)).into_iter().collect(),
            Lines::Many(many) => many.remove(test),
        };
        let has_any = !held.is_empty();
        for line in held.into_iter().filter(|line| line.len > 0) {
            self.len -= line.len;
            self.held.get_or_insert_default().add(line.unlooked());
        }
        self.simplify();
        has_any
    }

    /// Flows that pass `test` have their turns again; whether there are any.
    pub(super) fn let_go(&mut self, test: impl Fn(&Flow) -> bool) -> bool {
        let Some(held) = &mut self.held else { return false };
        let free = held.remove(test);
        if held.len() == 0 {
            self.held = None;
        }
        let has_any = !free.is_empty();
        for line in free.into_iter().filter(|line| line.len > 0) {
            self.make_room(&line.flow);
            self.len += line.len;
            match &mut self.lines {
                Lines::One(one) => *one = Some(line.unlooked()),
                Lines::Many(many) => many.insert(line.unlooked()),
            }
        }
        has_any
    }

    /// Puts a delivery before or behind all others of its flow.
    pub(super) fn put<D: Queued>(&mut self, store: &mut Store<D>, delivery: D, end: End) {
        self.make_room(delivery.flow());
        self.len += 1;
        let line = match &mut self.lines {
            Lines::One(Some(line)) => line,
            Lines::One(one) => one.insert(Line::of(delivery.flow())),
            Lines::Many(many) => many.joined(delivery.flow()),
        };
        line.put(store, delivery, end);
    }

    /// Sees that a flow may have a line.
    fn make_room(&mut self, flow: &Flow) {
        let Lines::One(one) = &mut self.lines else { return };
        let is_other = |line: &mut Line| line.flow != *flow;
        let Some(line) = one.take_if(is_other) else { return };
        if line.len > 0 {
            self.lines = Lines::Many(Box::new(Many::of(line)));
        }
    }

    /// Takes the delivery whose turn it is.
    pub(super) fn take<D: Queued>(&mut self, store: &mut Store<D>) -> Option<D> {
        let delivery = match &mut self.lines {
            Lines::One(line) => {
                self.in_a_row = 0;
                line.as_mut()?.pop(store)
            }
            Lines::Many(many) => many.take(store, &mut self.in_a_row),
        };
        self.len -= usize::from(delivery.is_some());
        self.simplify();
        delivery
    }

    /// The delivery whose turn it is.
    pub(super) fn first<'s, D>(&mut self, store: &'s Store<D>) -> Option<&'s D> {
        let line = match &mut self.lines {
            Lines::One(line) => line.as_mut()?,
            Lines::Many(many) => many.first(self.in_a_row)?,
        };
        store.first(line.list)
    }

    /// Takes out what passes `test` among the next `looks` deliveries, flow by flow; whether it has come
    /// to the end. Then the next look is from the front again.
    pub(super) fn drain<D>(
        &mut self,
        store: &mut Store<D>,
        mut looks: usize,
        mut test: impl FnMut(&D) -> bool,
    ) -> (Vec<D>, bool) {
        let (mut drained, mut held) = (Vec::new(), self.held.take());
        let is_among_held = held.as_ref().is_some_and(|held| held.is_being_looked_at());
        let mut is_over = is_among_held
            || match &mut self.lines {
                Lines::One(None) => true,
                Lines::One(Some(line)) => line.drain(store, &mut looks, &mut test, &mut drained),
                Lines::Many(many) => many.drain(store, &mut looks, &mut test, &mut drained),
            };
        self.len -= drained.len();
        if is_over && let Some(held) = &mut held {
            is_over = held.drain(store, &mut looks, &mut test, &mut drained);
        }
        self.held = held.filter(|held| held.len() > 0);
        self.simplify();
        (drained, is_over)
    }

    /// The next look is from the front.
    pub(super) fn restart_look(&mut self) {
        if let Some(held) = &mut self.held {
            held.restart_look();
        }
        match &mut self.lines {
            Lines::One(line) => line.iter_mut().for_each(|line| line.looked = Cursor::START),
            Lines::Many(many) => many.restart_look(),
        }
    }

    /// The flows that have deliveries, and how many: for an operator, since it looks at each.
    pub(super) fn flows(&self) -> Vec<(Flow, usize)> {
        let told = |line: &Line| (line.len > 0).then(|| (line.flow.clone(), line.len));
        let mut flows: Vec<_> = match &self.lines {
            Lines::One(line) => line.iter().filter_map(told).collect(),
            Lines::Many(many) => many.lines().filter_map(told).collect(),
        };
        if let Some(held) = &self.held {
            flows.extend(held.lines().filter_map(told));
            flows.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        flows
    }

    /// Where only one flow is left it needs no turns.
    fn simplify(&mut self) {
        let Lines::Many(many) = &mut self.lines else { return };
        if self.len == 0 {
            self.lines = Lines::One(None);
        } else if let Some(line) = many.only() {
            self.lines = Lines::One(Some(line));
        }
    }
}

impl Line {
    fn of(flow: &Flow) -> Self {
        Self { flow: flow.clone(), list: List::EMPTY, len: 0, looked: Cursor::START }
    }

    /// Where it comes to a look through all begins at its front: one that had come to its middle is not
    /// there any more.
    fn unlooked(self) -> Self {
        Self { looked: Cursor::START, ..self }
    }

    fn put<D>(&mut self, store: &mut Store<D>, delivery: D, end: End) {
        let entry = store.keep(delivery, 0);
        self.len += 1;
        match end {
            End::Front => store.push_front(&mut self.list, entry),
            End::Back => store.push_back(&mut self.list, entry),
        }
    }

    fn pop<D>(&mut self, store: &mut Store<D>) -> Option<D> {
        let entry = store.pop(&mut self.list)?;
        if entry.is_at(self.looked) {
            self.looked = Cursor::START;
        }
        self.len -= 1;
        store.take(entry)
    }

    /// Whether it came to the end.
    fn drain<D>(
        &mut self,
        store: &mut Store<D>,
        looks: &mut usize,
        test: &mut impl FnMut(&D) -> bool,
        drained: &mut Vec<D>,
    ) -> bool {
        while *looks > 0 {
            *looks -= 1;
            match store.step(&mut self.list, &mut self.looked, |delivery, _| test(delivery)) {
                Step::Taken(entry) => {
                    self.len -= 1;
                    drained.extend(store.take(entry));
                }
                Step::Left => (),
                Step::End => return true,
            }
        }
        false
    }
}

impl Idle for Line {
    fn is_idle(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests;
