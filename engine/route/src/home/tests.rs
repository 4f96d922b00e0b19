use super::home;

/// These are where the limits of real sites are kept: a change would be felt at an upgrade.
#[test]
fn homes_do_not_move() {
    let sites = ["", "a", "mx.example.com", "mx1.example.com,mx2.example.com", "127.0.0.1:2526"];
    let homes = sites.map(|site| (home(site, 1), home(site, 2), home(site, 7), home(site, 64)));
    assert_eq!(homes, [(0, 1, 3, 33), (0, 1, 3, 32), (0, 0, 0, 5), (0, 1, 6, 60), (0, 0, 0, 1)]);
}

#[test]
fn every_shard_gets_its_share() {
    for shards in [2, 3, 8, 48] {
        let mut sites = vec![0_u32; shards];
        for number in 0..10_000 {
            sites[home(&format!("mx{number}.example.com"), shards)] += 1;
        }
        let fair = 10_000 / shards as u32;
        let far_off = |count: &u32| *count < fair * 2 / 3 || *count > fair * 3 / 2;
        assert!(!sites.iter().any(far_off), "{shards} shards: {sites:?}");
    }
}
