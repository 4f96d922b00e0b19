//! `[[tenant]]`: who has a larger part of the connections to a site than others.

use super::document::{Place, Reader, Section};
use super::source::Label;
use super::{Settings, mail::words};
use policy::Class;
use policy::tenant::WEIGHT_MAX;

/// `[[tenant]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// What sources, users and X-Tenant call it.
    pub name: String,
    /// How many parts it gets where another gets one.
    pub weight: u16,
}

impl Tenant {
    pub(super) fn read(tenant: &mut Section<'_, '_>) -> Self {
        let name = tenant.required::<Label>(
            "name",
            "What the tenant is called in `tenant` of a [[source]] or a user, and in X-Tenant. One \
             without a [[tenant]] has weight 1.",
        );
        let weight = tenant.bounded(
            "weight",
            1..=WEIGHT_MAX.into(),
            1,
            "Its part of what goes to a site, where several tenants have mail for it: with 3 it \
             sends three octets for each one of a tenant with 1. Its campaigns share its part.",
        );
        Self { name: name.map_or_else(String::new, |name| name.0), weight: weight as u16 }
    }
}

impl Settings {
    pub(super) fn check_tenants(&self, reader: &mut Reader<'_>) {
        for (index, tenant) in self.tenants.iter().enumerate() {
            let is_same = |other: &Tenant| other.name == tenant.name && !tenant.name.is_empty();
            if self.tenants[..index].iter().any(is_same) {
                let place = Place { table: "tenant", index: Some(index), name: "name" };
                let wrong = format!("another tenant is called \"{}\"", tenant.name);
                reader.refuse(place, wrong, "a name used once");
            }
        }
    }
}

words!(Class { "transactional" => Self::Transactional, "bulk" => Self::Bulk });
