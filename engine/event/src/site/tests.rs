use super::{Meters, OTHER_SITES, SITES_MAX};
use crate::Outcome;
use std::sync::Arc;

#[test]
fn a_site_keeps_its_meters() {
    let meters = Meters::new(1);
    meters.site("b").count(Outcome::Delivered);
    meters.site("a").count(Outcome::Expired);
    meters.site("b").count(Outcome::Deferred);
    let read: Vec<_> = meters
        .sites()
        .into_iter()
        .map(|site| (site.name.into_string(), site.delivered, site.deferred, site.failed))
        .collect();
    let row =
        |name: &str, delivered, deferred, failed| (name.to_owned(), delivered, deferred, failed);
    assert_eq!(read, [row("a", 0, 0, 1), row("b", 1, 1, 0), row(OTHER_SITES, 0, 0, 0)]);
}

#[test]
fn the_number_of_sites_is_bounded_and_nothing_is_lost() {
    let meters = Meters::new(1);
    let held: Vec<_> = (0..SITES_MAX).map(|site| meters.site(&site.to_string())).collect();
    let late = meters.site("late");
    assert_eq!(late.name(), OTHER_SITES, "all places are held");
    late.count(Outcome::Delivered);
    held[7].count(Outcome::Delivered);
    drop(held);

    let named = meters.site("named");
    assert_eq!(named.name(), "named", "nobody holds the first any more");
    for site in 0..2 * SITES_MAX {
        drop(meters.site(&format!("s{site}")));
    }
    let sites = meters.sites();
    assert_eq!(sites.len(), SITES_MAX + 1);
    assert!(sites.iter().any(|site| &*site.name == "named"), "it is held");
    assert_eq!(sites.iter().map(|site| site.delivered).sum::<u64>(), 2);
    assert!(Arc::ptr_eq(&late, &meters.site(OTHER_SITES)));
}

#[test]
fn a_shared_gauge_is_never_read_below_zero() {
    let meters = Meters::new(1);
    let site = meters.site("a");
    site.queued.sub(1);
    assert_eq!(site.queued.get(), 0);
    site.queued.add(3);
    assert_eq!(site.queued.get(), 2);
}
