//! Where the mail of a log goes in a replay: domains that share hosts go to the same ones, as they did.

use super::log::Log;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Hosts that a group of domains has at most.
const HOSTS_MAX: usize = 4;
/// Where their addresses begin: the network is 10.0.0.0/8, and nothing of it leaves the process.
const FIRST: u32 = 10 << 24;

/// A host, and where it is.
pub(super) type Host = (u16, String, IpAddr);

/// Where all domains of a log have their hosts.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) groups: Vec<Group>,
    /// The group of each domain, by its number.
    of_domains: Vec<u32>,
    log: Arc<Log>,
}

/// Domains that share hosts.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) site: u32,
    pub(super) hosts: Vec<Host>,
}

impl Places {
    pub(super) fn of(log: &Arc<Log>) -> Self {
        let mut joined = Joined((0..log.hosts.len() as u32).collect());
        for domain in &log.domains {
            let mut hosts = domain.hosts.iter();
            if let Some(first) = hosts.next() {
                hosts.for_each(|host| joined.join(*first, *host));
            }
        }
        // Domains of which no host was seen are where the others of their site are.
        let mut roots = BTreeMap::new();
        let mut first_of_sites = BTreeMap::new();
        for domain in &log.domains {
            let Some(host) = domain.hosts.first() else { continue };
            let root = joined.root(*host);
            let next = roots.len() as u32;
            let group = *roots.entry((domain.site, root)).or_insert(next);
            first_of_sites.entry(domain.site).or_insert(group);
        }
        for domain in &log.domains {
            let next = (roots.len() + first_of_sites.len()) as u32;
            first_of_sites.entry(domain.site).or_insert(next);
        }
        let group_of = |domain: &super::log::Domain, joined: &mut Joined| match domain.hosts.first()
        {
            Some(host) => roots[&(domain.site, joined.root(*host))],
            None => first_of_sites[&domain.site],
        };
        let of_domains: Vec<u32> =
            log.domains.iter().map(|domain| group_of(domain, &mut joined)).collect();
        let groups = groups(log, &of_domains);
        Self { groups: groups.0, of_domains: groups.1, log: Arc::clone(log) }
    }

    /// The hosts of a domain; none of one that mail of the log was not for.
    pub(super) fn hosts(&self, domain: &str) -> &[Host] {
        let number = self.log.domain_names.find(domain);
        let group = number.map(|number| self.of_domains[number as usize]);
        group.map_or(&[], |group| &self.groups[group as usize].hosts)
    }
}

/// The groups, numbered anew without gaps, and that of each domain.
fn groups(log: &Log, of_domains: &[u32]) -> (Vec<Group>, Vec<u32>) {
    let mut places = BTreeMap::<u32, u32>::new();
    let mut groups = Vec::<Group>::new();
    let mut renumbered = Vec::with_capacity(of_domains.len());
    for (domain, group) in log.domains.iter().zip(of_domains) {
        let place = *places.entry(*group).or_insert(groups.len() as u32);
        if place as usize == groups.len() {
            groups.push(Group { site: domain.site, hosts: Vec::new() });
        }
        let hosts = &mut groups[place as usize].hosts;
        for host in &domain.hosts {
            let name = log.hosts.name(*host).to_string();
            if hosts.len() < HOSTS_MAX && hosts.iter().all(|known| known.1 != name) {
                hosts.push((10, name, address(place, hosts.len())));
            }
        }
        renumbered.push(place);
    }
    for (place, group) in groups.iter_mut().enumerate() {
        if group.hosts.is_empty() {
            // Some sites are called after their hosts.
            let name = log.site_names.name(group.site).split([',', ';']).next().unwrap_or_default();
            let name = match name {
                name if name.contains('.') && route::in_our_spelling(name).is_some() => name.into(),
                _ => format!("mx.site{place}.invalid"),
            };
            group.hosts.push((10, name, address(place as u32, 0)));
        }
    }
    (groups, renumbered)
}

/// Of a host of a group: there is room for four million groups.
fn address(group: u32, place: usize) -> IpAddr {
    let number = FIRST + ((group % (1 << 22)) << 2) + place as u32;
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

/// Which hosts go together: each names another of its group, or itself.
struct Joined(Vec<u32>);

impl Joined {
    fn root(&mut self, host: u32) -> u32 {
        let mut at = host;
        while self.0[at as usize] != at {
            let next = self.0[at as usize];
            self.0[at as usize] = self.0[next as usize];
            at = next;
        }
        at
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other) as usize] = one.min(other);
    }
}
