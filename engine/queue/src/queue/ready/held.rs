//! The ready deliveries of flows that are held: they keep their order, and have no turn.

use super::{Cursor, End, Line, Queued, Store};
use crate::Flow;
use std::collections::BTreeMap;
use std::ops::Bound;

#[derive(Debug, Default)]
pub(super) struct Held {
    lines: BTreeMap<Flow, Line>,
    len: usize,
    /// The flow that the look through all has come to.
    looked: Option<Flow>,
}

impl Held {
    /// Deliveries there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Puts a delivery before or behind all others of its flow.
    pub(super) fn put<D: Queued>(&mut self, store: &mut Store<D>, delivery: D, end: End) {
        self.len += 1;
        let flow = delivery.flow().clone();
        let line = self.lines.entry(flow).or_insert_with_key(Line::of);
        line.put(store, delivery, end);
    }

    /// All that a flow has, which is held from now on.
    pub(super) fn add(&mut self, line: Line) {
        self.len += line.len;
        let before = self.lines.insert(line.flow.clone(), line);
        debug_assert!(before.is_none_or(|line| line.len == 0), "a flow is held, or has turns");
    }

    /// Takes out the flows that pass `test`.
    pub(super) fn remove(&mut self, test: impl Fn(&Flow) -> bool) -> Vec<Line> {
        let removed: Vec<_> =
            self.lines.extract_if(.., |flow, _| test(flow)).map(|(_, line)| line).collect();
        self.len -= removed.iter().map(|line| line.len).sum::<usize>();
        removed
    }

    /// Whether a look through all has begun, and is not over.
    pub(super) const fn is_being_looked_at(&self) -> bool {
        self.looked.is_some()
    }

    /// Takes out what passes `test` among the next `looks`; whether it came to the end.
    pub(super) fn drain<D>(
        &mut self,
        store: &mut Store<D>,
        looks: &mut usize,
        test: &mut impl FnMut(&D) -> bool,
        drained: &mut Vec<D>,
    ) -> bool {
        let first = self.looked.take().map_or(Bound::Unbounded, Bound::Included);
        let mut is_over = true;
        for (flow, line) in self.lines.range_mut((first, Bound::Unbounded)) {
            let before = line.len;
            is_over = line.drain(store, looks, test, drained);
            self.len -= before - line.len;
            if !is_over {
                self.looked = Some(flow.clone());
                break;
            }
        }
        if is_over {
            self.lines.retain(|_, line| line.len > 0);
        }
        is_over
    }

    /// The next look is from the front.
    pub(super) fn restart_look(&mut self) {
        self.looked = None;
        self.lines.values_mut().for_each(|line| line.looked = Cursor::START);
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }
}
