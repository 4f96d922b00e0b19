//! The engine through the same trips as the floor, between a generator and a sink that speak SMTP.

use super::plan::{Plan, Trips};
use loadgen::send::{self, Encryption, Options as Sending, Pipelining};
use loadgen::sink::{self, provider};
use loadgen::size::Mix;
use loadgen::tls::{Client, Trust};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{usage, wait};

/// How long a round may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What connections are under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    Plain,
    /// Incoming ones under TLS, with the certificate that the engine makes for itself.
    Tls,
    /// Outgoing ones under TLS, with one that nobody has signed.
    TlsOut,
}

/// Seconds of the engine's processor time for 1,000 messages of `plan`. Its start, and what it
/// makes ahead then, is not counted.
pub(super) fn round(plan: &Plan, cover: Cover) -> io::Result<f64> {
    let scratch = Scratch::new("floor-engine")?;
    // Never asked for the connections that wait there: it says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let sink = (!plan.accept).then(|| sink(cover)).transpose()?;
    let hop = match &sink {
        Some(sink) => sink.providers()[0].addresses[0],
        None => silent.local_addr()?,
    };
    let mut outfit = Outfit { shards: Some(plan.shards.into()), ..Outfit::default() };
    if cover == Cover::Tls {
        "tls = \"required\"".clone_into(&mut outfit.listener_settings);
    }
    let engine = Ringpost::start_as(outfit, scratch.path(), &settings(plan, hop))?;
    usage::wait_until_idle(engine.id(), PATIENCE)?;

    let before = usage::cpu(engine.id());
    let report = send::start(load(plan, cover, engine.smtp())?)?.join()?;
    let wanted = u64::from(plan.messages);
    if let Some(sink) = sink {
        wait::until("mail", PATIENCE, || (sink.messages() >= wanted).then_some(()))?;
    }
    usage::wait_until_idle(engine.id(), PATIENCE)?;
    if report.messages != wanted {
        return Err(io::Error::other(format!("not all was accepted: {report:?}")));
    }
    let used = usage::cpu(engine.id()).saturating_sub(before);
    Ok(used.as_secs_f64() * 1_000.0 / f64::from(plan.messages))
}

/// A sink that takes everything.
pub(super) fn sink(cover: Cover) -> io::Result<sink::Sink> {
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let tls = if cover == Cover::TlsOut { provider::Tls::Demanded } else { provider::Tls::Off };
    let providers = vec![sink::Provider { listen, tls, ..sink::Provider::default() }];
    sink::start(sink::Options { providers, seed: 0, ledger: None, threads: 1 })
}

fn settings(plan: &Plan, sink: SocketAddr) -> String {
    format!(
        "[[route]]\ndomain = \"*\"\nto = [\"{sink}\"]\n\
         [delivery]\nconnections_per_site = {}\nmessages_per_connection = 100000\n",
        plan.lanes
    )
}

fn load(plan: &Plan, cover: Cover, to: SocketAddr) -> io::Result<Sending> {
    let mut mail = mail(plan, to);
    if cover == Cover::Tls {
        let client = Client::new(&Trust::Anybody, "relay.test").map_err(io::Error::other)?;
        mail.encryption = Encryption::StartTls(client);
    }
    Ok(mail)
}

/// The mail of `plan`.
pub(super) fn mail(plan: &Plan, to: SocketAddr) -> Sending {
    let pipelining = match plan.trips {
        Trips::Two => Pipelining::Envelope,
        Trips::One => Pipelining::Full,
    };
    Sending {
        messages: plan.messages.into(),
        sessions: plan.sessions.into(),
        sizes: Mix::exactly(plan.text_len as u32),
        pipelining,
        ..Sending::new(to)
    }
}
