//! The operator's HTTP door: numbers, whether we live and are ready, what waits and why, and orders.
//!
//! A scrape reads the shards' cells as they are: it takes no lock a shard takes, and costs
//! the same whatever is queued. All else is asked of the shards, and bounded (`survey.rs`).

mod gate;
mod health;
mod metrics;
mod openapi;
mod orders;
mod pages;
mod queue;
mod reload;
mod replies;
mod tokens;
mod told;

pub use health::LIVENESS_PATIENCE;
pub use tokens::{Role, TOKENS_MAX, Token};

use crate::Sources;
use crate::auth;
use crate::dns::Counts;
use crate::survey::Shards;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use event::Meters;
use health::Pulse;
use policy::replies::Unknown;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, oneshot};

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The most questions asked of the shards at once.
const QUESTIONS_MAX: usize = 16;

/// What the handlers look at.
#[derive(Debug)]
pub(crate) struct Door {
    meters: Arc<Meters>,
    draining: Arc<AtomicBool>,
    registry: Registry,
    pulse: Pulse,
    unknown: Arc<Mutex<Unknown>>,
    shards: Option<Arc<dyn Shards>>,
    tokens: Vec<Token>,
    questions: Semaphore,
}

/// Whom the handlers ask, who may ask them, and what they tell.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) shards: Option<Arc<dyn Shards>>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) unknown: Arc<Mutex<Unknown>>,
}

impl Door {
    pub(crate) fn new(
        meters: Arc<Meters>,
        draining: Arc<AtomicBool>,
        lookups: Arc<Counts>,
        logins: Option<Arc<auth::Counts>>,
        sources: Sources,
        facts: Vec<(&'static str, String)>,
        Asked { shards, tokens, unknown }: Asked,
    ) -> Self {
        let registry = metrics::registry(Arc::clone(&meters), lookups, logins, sources, facts);
        let pulse = Pulse::new(meters.shards().len());
        let questions = Semaphore::new(QUESTIONS_MAX);
        Self { meters, draining, registry, pulse, unknown, shards, tokens, questions }
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Why new mail should go elsewhere, if it should.
    pub(crate) fn unready(&self) -> Option<String> {
        health::unready(&self.meters, self.is_draining()).or_else(|| self.pulse.stopped())
    }
}

/// Answers on `listener` until `stopped`.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, stopped: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the admin address cannot be served: {error}"),
    };
    let watch = tokio::spawn(health::watch(Arc::clone(&door)));
    let answered = async { axum::serve(listener, pages::router(&door)).await };
    tokio::select! {
        Err(error) = answered => tracing::error!("the admin address is served no more: {error}"),
        _ = stopped => (),
    }
    watch.abort();
}

async fn metrics(State(door): State<Arc<Door>>) -> impl IntoResponse {
    let mut page = String::with_capacity(32 * 1_024);
    match text::encode(&mut page, &door.registry) {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, METRICS_TYPE)], page),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            "a number could not be written\n".to_owned(),
        ),
    }
}

async fn replies(State(door): State<Arc<Door>>) -> String {
    replies::page(&door.unknown)
}

async fn livez(State(door): State<Arc<Door>>) -> (StatusCode, String) {
    verdict(door.pulse.stopped())
}

async fn readyz(State(door): State<Arc<Door>>) -> (StatusCode, String) {
    verdict(door.unready())
}

fn verdict(complaint: Option<String>) -> (StatusCode, String) {
    match complaint {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n"),
    }
}

#[cfg(test)]
mod tests;
