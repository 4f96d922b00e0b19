//! Whose mail a delivery is: what takes turns at a site.

use policy::Class;
use std::cmp::Ordering;
use std::sync::Arc;

/// The mail of one class, tenant and campaign. A clone is the same flow, and costs a count.
#[derive(Clone, Debug)]
pub struct Flow(Arc<Named>);

#[derive(Debug)]
struct Named {
    class: Class,
    tenant: Arc<str>,
    campaign: Arc<str>,
    weight: u16,
}

/// What the queue has to know of a delivery.
pub trait Queued {
    /// Whose it is: the same for as long as it is queued.
    fn flow(&self) -> &Flow;

    /// Octets of its message.
    fn bytes(&self) -> u64;
}

impl Flow {
    /// A flow of a tenant that gets `weight` parts where another gets one. It is another flow only by
    /// its class and names: of several weights the one that comes to a site first holds there.
    #[must_use]
    pub fn new(class: Class, tenant: &str, campaign: &str, weight: u16) -> Self {
        let (tenant, campaign) = (tenant.into(), campaign.into());
        Self(Arc::new(Named { class, tenant, campaign, weight: weight.max(1) }))
    }

    /// Which of two classes.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Whose mail; empty if nobody said.
    #[must_use]
    pub fn tenant(&self) -> &Arc<str> {
        &self.0.tenant
    }

    /// Which mailing of the tenant's; empty if nobody said.
    #[must_use]
    pub fn campaign(&self) -> &Arc<str> {
        &self.0.campaign
    }

    /// How many parts its tenant gets where another gets one.
    #[must_use]
    pub fn weight(&self) -> u16 {
        self.0.weight
    }

    /// Whether nobody else holds it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn key(&self) -> (Class, &str, &str) {
        (self.0.class, &self.0.tenant, &self.0.campaign)
    }
}

impl PartialEq for Flow {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.key() == other.key()
    }
}

impl Eq for Flow {}

impl PartialOrd for Flow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flow {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.key().cmp(&other.key())
    }
}

/// Deliveries of the other tests: all of one flow.
#[cfg(test)]
mod tests {
    use super::{Class, Flow, Queued};
    use std::sync::LazyLock;

    static ONE: LazyLock<Flow> = LazyLock::new(|| Flow::new(Class::Bulk, "", "", 1));

    macro_rules! of_one_flow {
        ($($delivery:ty),+) => {$(
            impl Queued for $delivery {
                fn flow(&self) -> &Flow {
                    &ONE
                }

                fn bytes(&self) -> u64 {
                    1
                }
            }
        )+};
    }

    of_one_flow!(u32, i32, usize, char, ());
}
