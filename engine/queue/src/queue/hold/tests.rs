use super::Hold;
use crate::{Flow, Hindrance, Queue, Queued};
use event::Tick;
use policy::{Class, Limits};

const NOW: Tick = Tick(1);

#[derive(Debug)]
struct Mail(Flow);

impl Queued for Mail {
    fn flow(&self) -> &Flow {
        &self.0
    }

    fn bytes(&self) -> u64 {
        1
    }
}

fn mail(tenant: &str, campaign: &str) -> Mail {
    Mail(Flow::new(Class::Bulk, tenant, campaign, 1))
}

fn hold(tenant: Option<&str>, campaign: Option<&str>) -> Hold {
    Hold { tenant: tenant.map(Into::into), campaign: campaign.map(Into::into) }
}

/// What a site gives until it has nothing more.
fn taken(queue: &mut Queue<Mail>, site: &str) -> Vec<String> {
    let site = queue.find(site).unwrap();
    let next = || queue.take(site).map(|mail| format!("{}/{}", mail.0.tenant(), mail.0.campaign()));
    std::iter::from_fn(next).collect()
}

#[test]
fn mail_that_is_held_has_no_turn_at_any_site_until_nothing_holds_it() {
    let mut queue = Queue::new(NOW);
    let sites = ["a", "b"].map(|name| queue.site_of(name, name, &Limits::default()));
    queue.ready(sites[0], mail("shop", "spring"));
    queue.hold(hold(Some("shop"), None));
    queue.hold(hold(None, Some("spring")));
    queue.ready(sites[0], mail("shop", "summer"));
    for (tenant, campaign) in [("shop", "summer"), ("bank", "spring"), ("bank", "")] {
        queue.ready(sites[1], mail(tenant, campaign));
    }
    assert_eq!(taken(&mut queue, "a"), [""; 0]);
    assert_eq!(taken(&mut queue, "b"), ["bank/"]);
    assert_eq!((queue.ready_len(), queue.deferred_len()), (4, 0));
    assert_eq!(queue.let_go(&hold(Some("shop"), None)), sites);
    assert_eq!(taken(&mut queue, "a"), ["shop/summer"], "the campaign is held still");
    assert_eq!(taken(&mut queue, "b"), ["shop/summer"]);
    assert_eq!(queue.let_go(&hold(Some("shop"), None)), [], "once is enough");
    assert_eq!(queue.let_go(&hold(None, Some("spring"))), sites);
    assert_eq!(
        (taken(&mut queue, "a"), taken(&mut queue, "b")),
        (vec!["shop/spring".to_owned()], vec!["bank/spring".to_owned()])
    );
    assert_eq!(queue.queued(), 0);
}

#[test]
fn a_site_whose_mail_is_held_dials_nobody_and_is_not_forgotten() {
    let mut queue = Queue::new(NOW);
    queue.hold(hold(Some("shop"), Some("spring")));
    let site = queue.site("a", &Limits::default());
    queue.ready(site, mail("shop", "spring"));
    for other in 0..=crate::IDLE_SITES_MAX {
        queue.site(&other.to_string(), &Limits::default());
    }
    assert_eq!(queue.find("a"), Some(site));
    assert_eq!((queue.dial(NOW), queue.has_work(site, || NOW)), (None, false));
    assert_eq!(queue.hindrances(site, NOW), [Hindrance::Held(1)]);
    assert_eq!((queue.view(site).ready, queue.view(site).ready_or_held()), (0, 1));
    let (seen, is_over) = queue.look_ready(site, |_| true);
    assert_eq!((seen.len(), is_over, queue.ready_len()), (1, true, 0), "it can be taken out");
    queue.ready(site, mail("shop", "spring"));
    assert_eq!(queue.let_go(&hold(Some("shop"), Some("spring"))), [site]);
    assert_eq!(queue.dial(NOW), Some(site));
}
