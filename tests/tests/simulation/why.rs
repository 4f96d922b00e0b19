//! What `why` names is what keeps the mail: in situations of each kind, from seeds, the limiter that the
//! relay names is lifted, and the mail moves; without that it does not, nor if anything else is lifted; and
//! where a time is told, it moves then.

mod desk;
mod lift;
mod scene;

pub(crate) use scene::Kind;

use lift::Lift;
use policy::survey::Limiter;
use scene::Scene;
use std::time::Duration;

/// Situations of each kind.
const SEEDS: u64 = 20;
/// What was lifted has come to something by then.
const SOON: Duration = Duration::from_secs(15);
/// How late it may be where a time is told.
const LATE_MAX: Duration = Duration::from_secs(5);

/// Runs all situations of a kind. What is wrong.
pub(crate) fn run(kind: Kind) -> Result<(), String> {
    (0..SEEDS)
        .try_for_each(|seed| situation(kind, seed).map_err(|why| format!("seed {seed}: {why}")))
}

fn situation(kind: Kind, seed: u64) -> Result<(), String> {
    let scene = Scene::of(kind, seed)?;
    let limiter = scene.limiter().ok_or("nothing is named")?;
    if limiter.name() != expected(kind) {
        return Err(format!("it names {limiter:?}"));
    }
    if scene.moves_within(SOON) {
        return Err(format!("it moves of itself, though {limiter:?}"));
    }
    let meant = Lift::meant_by(&limiter);
    for lift in Lift::ALL.into_iter().filter(|lift| is_other(kind, *lift, &meant)) {
        if lifted(kind, seed, &[lift])?.moves_within(SOON) {
            return Err(format!("{lift:?} moves it, though {limiter:?}"));
        }
    }
    match limiter.until() {
        Some(_) if kind != Kind::Paused && kind != Kind::Resting => (),
        _ if lifted(kind, seed, &meant)?.moves_within(SOON) => (),
        _ => return Err(format!("{meant:?} do not move it, though {limiter:?}")),
    }
    in_time(kind, seed, &limiter)
}

/// Where a time is told, the mail moves then and not before; what a host has to do for it is done.
fn in_time(kind: Kind, seed: u64, limiter: &Limiter) -> Result<(), String> {
    let Some(until) = limiter.until() else { return Ok(()) };
    let of_host = |lift: &Lift| matches!(lift, Lift::HostAnswers | Lift::HostTakes);
    let meant: Vec<_> = Lift::meant_by(limiter).into_iter().filter(of_host).collect();
    let scene = lifted(kind, seed, &meant)?;
    let left = until.since(scene.relay.wall(&scene.world));
    if scene.moves_within(left.saturating_sub(Duration::from_millis(100))) {
        return Err(format!("it moves before its time, though {limiter:?}"));
    }
    let is_right = scene.moves_within(LATE_MAX);
    if is_right { Ok(()) } else { Err(format!("it does not move in time, though {limiter:?}")) }
}

/// The same situation, with this lifted.
fn lifted(kind: Kind, seed: u64, lifts: &[Lift]) -> Result<Scene, String> {
    let mut scene = Scene::of(kind, seed)?;
    // Asked as the first was, so that all is the same up to now.
    scene.limiter().ok_or("nothing is named")?;
    lifts.iter().try_for_each(|lift| scene.lift(*lift))?;
    Ok(scene)
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Paused => "paused",
        Kind::DeliveryLimit | Kind::SiteLimit | Kind::SourceLimit | Kind::EachLimit => {
            "site-connections"
        }
        Kind::Shared => "shared-connections",
        Kind::Asked => "asked",
        Kind::Resting => "resting",
        Kind::PutOff => "put-off",
        Kind::Unanswered => "unanswered",
        Kind::DnsAsked | Kind::DnsSilent => "dns-asked",
        Kind::SourcesOut => "sources-out",
    }
}

/// Whether something else is lifted by that, so that it must not help.
fn is_other(kind: Kind, lift: Lift, meant: &[Lift]) -> bool {
    // A host that is there anew has forgotten what it was slow with.
    let forgets = lift == Lift::HostAnswers && !matches!(kind, Kind::Resting | Kind::Unanswered);
    // The rest of a host that is there again, or reached again, may just end.
    let may_end = kind == Kind::Resting && lift == Lift::HostAnswers
        || kind == Kind::SourcesOut && lift == Lift::SourceFits;
    (!meant.contains(&lift) || meant.len() > 1) && !forgets && !may_end
}
