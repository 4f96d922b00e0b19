//! Which sites mail is for that leaves by different pools.

use super::Pools;
use crate::{SitePlan, Tls};
use std::sync::Arc;

#[test]
fn a_pool_is_a_site_of_its_own_with_the_same_hosts() {
    let plan = SitePlan::fixed(&["192.0.2.1:25".parse().unwrap()], Tls::Required);
    let pools = Pools::new(["warm", "usual", "cold"], Some(1));
    let [warm, usual, cold] = [0, 1, 2].map(|pool| plan.through(pool, &pools));
    assert_eq!(&*warm.name, "192.0.2.1:25;tls=required;pool=warm");
    assert_eq!(&*cold.pool, "192.0.2.1:25;tls=required;pool=cold");
    assert_eq!((&usual.name, &usual.pool), (&plan.name, &plan.pool), "most need not say so");
    for (place, variant) in [&warm, &usual, &cold].into_iter().enumerate() {
        assert_eq!(variant.leaves_by, u16::try_from(place).ok());
        assert_eq!((&variant.hosts, variant.tls), (&plan.hosts, plan.tls));
        assert!(Arc::ptr_eq(variant, &plan.through(place as u16, &pools)), "made once");
    }
    assert_eq!(plan.leaves_by, None);
}
