//! The ready deliveries of a site where several flows have some.

use super::round::{Idle, Round};
use super::{Cursor, Line, Queued, Store};
use crate::Flow;
use policy::Class;
use std::ops::Bound;

/// What a turn is worth, in octets, to a tenant of weight 1. So much is counted for a smaller message, too: a
/// transaction costs round trips, however little it carries. So tenants of small messages send one each in turn.
pub const QUANTUM: i64 = 4_096;

/// The most octets counted for a message: 64 turns. It bounds how often a flow is passed over.
pub const COST_MAX: i64 = 64 * QUANTUM;

/// Behind so many transactional messages of a site one of bulk has its turn: the least that bulk gets of
/// a site's messages is a sixteenth.
pub const TRANSACTIONAL_IN_A_ROW_MAX: u8 = 15;

const _: () = assert!(COST_MAX >= QUANTUM, "what is least is not more than what is most");

#[derive(Debug, Default)]
pub(super) struct Many {
    /// By [`Class`].
    classes: [Tenants; 2],
    /// The flow that the look through all has come to.
    looked: Option<Flow>,
}

#[derive(Debug, Default)]
struct Tenants {
    round: Round<Tenant>,
    len: usize,
}

#[derive(Debug, Default)]
struct Tenant {
    campaigns: Round<Line>,
    len: usize,
}

impl Idle for Tenant {
    fn is_idle(&self) -> bool {
        self.len == 0
    }
}

impl Many {
    /// Those of one flow.
    pub(super) fn of(line: Line) -> Self {
        let mut many = Self::default();
        many.insert(line);
        many
    }

    /// The line of a flow that gets one delivery more.
    pub(super) fn joined(&mut self, flow: &Flow) -> &mut Line {
        self.add(flow, 1)
    }

    /// Puts in all that a flow has, which had nothing here.
    pub(super) fn insert(&mut self, line: Line) {
        let (flow, len) = (line.flow.clone(), line.len);
        *self.add(&flow, len) = line;
    }

    /// Takes out the flows that pass `test`.
    pub(super) fn remove(&mut self, test: impl Fn(&Flow) -> bool) -> Vec<Line> {
        let flows: Vec<_> =
            self.lines().map(|line| &line.flow).filter(|flow| test(flow)).cloned().collect();
        let mut removed = Vec::new();
        for flow in flows {
            let tenants = &mut self.classes[flow.class() as usize];
            let Some(tenant) = tenants.round.find(flow.tenant()) else { continue };
            let Some(line) = tenant.campaigns.find(flow.campaign()) else { continue };
            let line = std::mem::replace(line, Line::of(&flow));
            tenant.len -= line.len;
            tenants.len -= line.len;
            removed.push(line);
        }
        removed
    }

    fn add(&mut self, flow: &Flow, count: usize) -> &mut Line {
        let tenants = &mut self.classes[flow.class() as usize];
        tenants.len += count;
        let gain = QUANTUM * i64::from(flow.weight());
        let tenant = tenants.round.join(flow.tenant(), gain, Tenant::default);
        tenant.len += count;
        tenant.campaigns.join(flow.campaign(), QUANTUM, || Line::of(flow))
    }

    /// The line whose turn it is, behind so many transactional messages.
    pub(super) fn first(&mut self, in_a_row: u8) -> Option<&mut Line> {
        let class = self.class(in_a_row);
        self.classes[class as usize].round.first()?.campaigns.first()
    }

    /// The class whose turn it is.
    fn class(&self, in_a_row: u8) -> Class {
        let has = |class: Class| self.classes[class as usize].len > 0;
        let may_go_first = !has(Class::Bulk) || in_a_row < TRANSACTIONAL_IN_A_ROW_MAX;
        if has(Class::Transactional) && may_go_first { Class::Transactional } else { Class::Bulk }
    }

    /// Takes the delivery whose turn it is, behind so many transactional ones that were taken one
    /// behind the other while there was bulk; which is counted on.
    pub(super) fn take<D: Queued>(&mut self, store: &mut Store<D>, in_a_row: &mut u8) -> Option<D> {
        let class = self.class(*in_a_row);
        let tenants = &mut self.classes[class as usize];
        let tenant = tenants.round.first()?;
        let delivery = tenant.campaigns.first()?.pop(store)?;
        let cost = i64::try_from(delivery.bytes()).unwrap_or(COST_MAX).clamp(QUANTUM, COST_MAX);
        tenant.campaigns.pay(cost);
        tenant.len -= 1;
        tenants.round.pay(cost);
        tenants.len -= 1;
        if tenants.len == 0 {
            tenants.round = Round::default();
        }
        let overtakes = class == Class::Transactional && self.classes[Class::Bulk as usize].len > 0;
        *in_a_row = if overtakes { *in_a_row + 1 } else { 0 };
        Some(delivery)
    }

    /// Whether it came to the end.
    pub(super) fn drain<D>(
        &mut self,
        store: &mut Store<D>,
        looks: &mut usize,
        test: &mut impl FnMut(&D) -> bool,
        drained: &mut Vec<D>,
    ) -> bool {
        let mut next = self.looked.take().or_else(|| self.behind(None));
        while let Some(flow) = next {
            let tenants = &mut self.classes[flow.class() as usize];
            let tenant = tenants.round.find(flow.tenant());
            let Some((len, line)) = tenant.and_then(|tenant| {
                Some((&mut tenant.len, tenant.campaigns.find(flow.campaign())?))
            }) else {
                next = self.behind(Some(&flow));
                continue;
            };
            let before = line.len;
            let is_through = line.drain(store, looks, test, drained);
            let gone = before - line.len;
            *len -= gone;
            tenants.len -= gone;
            if !is_through {
                self.looked = Some(flow);
                return false;
            }
            next = self.behind(Some(&flow));
        }
        true
    }

    /// The next look is from the front.
    pub(super) fn restart_look(&mut self) {
        self.looked = None;
        let tenants = self.classes.iter_mut().flat_map(|tenants| tenants.round.all());
        let lines = tenants.flat_map(|tenant| tenant.campaigns.all());
        lines.for_each(|line| line.looked = Cursor::START);
    }

    /// The flow behind this one, in the order of looking; `None`: the first.
    fn behind(&self, flow: Option<&Flow>) -> Option<Flow> {
        let Some(flow) = flow else { return self.lines().next().map(|line| line.flow.clone()) };
        let class = flow.class() as usize;
        let (same, later) = self.classes.split_at(class + 1);
        let own = same.last().into_iter().flat_map(|tenants| {
            let own = tenants.round.get(flow.tenant()).into_iter();
            let own =
                own.flat_map(|tenant| tenant.campaigns.from(Bound::Excluded(flow.campaign())));
            let behind = tenants.round.from(Bound::Excluded(flow.tenant()));
            own.chain(behind.flat_map(Tenant::lines))
        });
        let mut lines = own.chain(later.iter().flat_map(Tenants::lines));
        lines.next().map(|line| line.flow.clone())
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.classes.iter().flat_map(Tenants::lines)
    }

    /// The line of the only flow there is.
    pub(super) fn only(&mut self) -> Option<Line> {
        let [one, other] = &mut self.classes;
        let tenants = match (one.round.len(), other.round.len()) {
            (0, 1) => other,
            (1, 0) => one,
            _ => return None,
        };
        let line = tenants.round.only()?.campaigns.only()?;
        let empty = Line::of(&line.flow);
        Some(std::mem::replace(line, empty))
    }
}

impl Tenants {
    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.round.from(Bound::Unbounded).flat_map(Tenant::lines)
    }
}

impl Tenant {
    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.campaigns.from(Bound::Unbounded)
    }
}
