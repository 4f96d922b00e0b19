//! What an operator asks of a relay and orders, as by the admin door; and what DNS tells it late.

use crate::relay::{self, Plan, Relay};
use kernel::sim::World;
use policy::survey::{About, Answer, Elsewhere, Load, Named, Order, Question, Sites, Verb};
use shard::{Inquiry, Letter, Reload};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer takes at most.
const PATIENCE: Duration = Duration::from_secs(1);

impl Relay {
    /// What is known of a site or a domain of this name. A moment passes.
    ///
    /// # Panics
    /// If there is no answer: the relay has ended.
    #[must_use]
    pub fn ask(&self, world: &World, name: &str) -> Named {
        match self.inquire(world, Question::Name(name.into())) {
            Answer::Name(named) => *named,
            other => panic!("asked for a name, it said {other:?}"),
        }
    }

    /// So many sites with mail, those with most first, and what keeps it. A moment passes.
    ///
    /// # Panics
    /// If there is no answer: the relay has ended.
    #[must_use]
    pub fn sites(&self, world: &World, most: usize) -> Sites {
        match self.inquire(world, Question::Sites(most)) {
            Answer::Sites(sites) => sites,
            other => panic!("asked for sites, it said {other:?}"),
        }
    }

    /// Has something done to a site, until the wall clock says so much more if that ends by itself.
    pub fn order(&self, world: &World, verb: Verb, site: &str, span: Option<Duration>) {
        let order = Order {
            verb,
            about: About::site(site),
            by: "anna".into(),
            reason: "rehearsal".into(),
            until: span.map(|span| self.wall(world) + span),
            elsewhere: Elsewhere::default(),
            due: None,
            is_dry: false,
            counted: Load::default(),
        };
        self.inquire(world, Question::Order(Arc::new(order)));
    }

    /// Puts other settings in force.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn reload(&self, plan: &Plan) -> Result<(), String> {
        let (by, changed) = ("anna".into(), "all".into());
        let reload = Reload { live: relay::live(plan)?, reroutes: true, by, changed };
        self.post(Letter::Reload(Box::new(reload)));
        Ok(())
    }

    /// Steps its wall clock forward or back.
    pub fn step_wall(&self, world: &World, millis: i64) {
        world.step_wall(self.host(), millis);
    }

    /// DNS says where mail for a domain goes.
    pub fn resolve(&self, domain: &str, hosts: &[(u16, String, IpAddr)]) {
        self.post(Letter::Resolved(domain.to_owned(), relay::answer(hosts)));
    }

    fn inquire(&self, world: &World, question: Question) -> Answer {
        let told = Arc::new(Mutex::new(None));
        let hears = Arc::clone(&told);
        let tell = move |answer| {
            *hears.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        };
        self.post(Letter::Inquiry(Box::new(Inquiry { question, tell: Box::new(tell) })));
        let has_told = || told.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        world.run_until(PATIENCE, |_| has_told());
        let answer = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.expect("a relay that runs answers")
    }
}

#[cfg(test)]
mod tests;
