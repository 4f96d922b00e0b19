use super::{Known, Whole};
use event::{ReplyClass, Response, Wall};
use policy::survey::{Domain, Host, Limiter, Load, Named, Said, Site, Sites};

fn site(name: &str, ready: usize, waiting: usize) -> Site {
    Site {
        name: name.into(),
        load: Load { ready, waiting, in_flight: 1 },
        open: 1,
        opening: 0,
        connections_max: 5,
        limiters: vec![Limiter::Probing { failures: ready as u16 }],
        parts: Vec::new(),
        hosts: Vec::new(),
        replies: Vec::new(),
        reroutes: Vec::new(),
    }
}

fn sites(sites: Vec<Site>, sites_total: usize) -> Sites {
    let load = sites.iter().fold(Load::default(), |load, site| load.plus(site.load));
    Sites { sites, sites_total, load, unrouted: 2, shut: None }
}

#[test]
fn sites_of_several_shards_are_one_and_those_with_most_come_first() {
    let first = sites(vec![site("b", 5, 0), site("a", 1, 1)], 4);
    let mut second = sites(vec![site("a", 9, 0), site("c", 0, 1)], 2);
    second.shut = Some("its disk is full".into());
    let whole = Whole::of([(0, &first), (1, &second)].into_iter(), 2);
    let told: Vec<_> = whole.sites.iter().map(|site| (&*site.name, site.load.total())).collect();
    assert_eq!(told, [("a", 13), ("b", 6)]);
    assert_eq!(whole.sites[0].limiters, [Limiter::Probing { failures: 9 }], "of most of it");
    assert_eq!((whole.sites[0].open, whole.sites_total, whole.unrouted), (2, 5, 4));
    assert_eq!(whole.load, Load { ready: 15, waiting: 2, in_flight: 4 });
    assert_eq!(whole.shut, [(1, "its disk is full".to_owned())]);
}

#[test]
fn what_was_said_to_several_shards_is_in_its_order() {
    let said = |at: u64| Said {
        at: Wall(at),
        peer: None,
        message: None,
        response: Response::new(451, None, "no"),
        times: 1,
        class: ReplyClass::Other,
        rule: None,
    };
    let host = |port: u16| Host {
        name: "mx".into(),
        address: ([192, 0, 2, 1], port).into(),
        rests_until: None,
    };
    let mut one = site("a", 1, 0);
    (one.replies, one.hosts) = ((0..8).map(|at| said(2 * at)).collect(), vec![host(25)]);
    let mut other = site("a", 2, 0);
    (other.replies, other.hosts) = (vec![said(13)], vec![host(25), host(26)]);
    let named = [one, other].map(|site| Named { sites: vec![site], domain: None });
    let known = Known::of(named.iter());
    let at: Vec<_> = known.sites[0].replies.iter().map(|said| said.at.0).collect();
    assert_eq!(at, [2, 4, 6, 8, 10, 12, 13, 14]);
    assert_eq!(known.sites[0].hosts.len(), 2);
}

#[test]
fn whoever_knows_where_a_domain_goes_is_right() {
    let domain = |site: Option<&str>, limiter: Option<Limiter>| Named {
        sites: Vec::new(),
        domain: Some(Domain {
            name: "a.test".into(),
            site: site.map(Into::into),
            limiter,
            unrouted: 1,
            rerouted: None,
        }),
    };
    let asked = domain(None, Some(Limiter::DnsAsked));
    let known = domain(Some("mx.a.test"), None);
    for answers in [[&asked, &known], [&known, &asked]] {
        let domain = Known::of(answers.into_iter()).domain.expect("both know it");
        assert_eq!((domain.site.as_deref(), domain.limiter), (Some("mx.a.test"), None));
        assert_eq!(domain.unrouted, 2);
    }
    let unknown = domain(None, None);
    let domain = Known::of([&unknown, &asked].into_iter()).domain.expect("both know it");
    assert_eq!(domain.limiter, Some(Limiter::DnsAsked));
}
