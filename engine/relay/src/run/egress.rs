//! From settings to the pools of addresses that mail leaves by.

use super::warmup;
use crate::settings::{Loaded, PoolSource, Settings};
use event::{EgressMeters, Meters};
use policy::pool::Member;
use policy::warmup::Book;
use route::NamedSites;
use shard::{Egress, Pool, Source};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;

/// The pools of the settings, each at the place it had `before`.
pub(super) fn egress(
    settings: &Settings,
    (meters, sites, book): (&Meters, &NamedSites, &Book),
    before: Option<&Egress>,
) -> Egress {
    let pool = |pool: &crate::settings::Pool| {
        let source = |own: &PoolSource| Source {
            warmups: warmup::of(settings, (sites, book), own.address),
            ..source(own, &settings.hostname, meters.egress(&pool.name, own.address))
        };
        Pool::new(&pool.name, pool.sources.iter().map(source))
    };
    let pools = settings.pools.iter().map(pool).collect();
    let none = Egress::default();
    before.unwrap_or(&none).renewed(pools, settings.usual_pool.as_deref())
}

fn source(own: &PoolSource, hostname: &str, meters: Arc<EgressMeters>) -> Source {
    Source {
        pool: "".into(),
        address: own.address,
        ehlo: own.ehlo.as_deref().unwrap_or(hostname).into(),
        member: Member {
            weight: own.weight,
            connections_max: own.connections_max.unwrap_or(u16::MAX),
        },
        messages_per_connection_max: own.messages_per_connection.unwrap_or(u32::MAX),
        detour: own.proxy.clone(),
        warmups: Box::default(),
        meters,
    }
}

/// Which sources cannot be used since this host has not their addresses, each with its line. The
/// relay starts all the same: a network that comes up late, or one address of many that was taken
/// away, must not keep the mail of all others. A dial finds out when it is there.
pub(crate) fn absent(loaded: &Loaded) -> Vec<String> {
    let sources = loaded.settings.pools.iter().flat_map(|pool| &pool.sources);
    let absent = sources
        .enumerate()
        .filter(|(_, source)| source.proxy.is_none() && is_absent(source.address));
    let told = absent.map(|(index, source)| {
        let place = ("pool.source", Some(index), "address");
        let wrong = format!("{} is not on this host: nothing leaves from it", source.address);
        loaded.fault(place, wrong).to_string().trim_end().to_owned()
    });
    told.collect()
}

/// Whether nothing can be sent from an address. Nothing is sent to find out.
fn is_absent(address: IpAddr) -> bool {
    let bound = UdpSocket::bind((address, 0));
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests;
