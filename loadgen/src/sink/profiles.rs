//! The profiles that ship: the big mailbox providers, as far as their rules are known.

use super::provider::{BadProvider, Provider};
use std::net::Ipv4Addr;
use std::path::Path;

/// Name and text of each, in the order they are listed.
pub const SHIPPED: &[(&str, &str)] = &[
    ("gmail", include_str!("../../profiles/gmail.toml")),
    ("yahoo", include_str!("../../profiles/yahoo.toml")),
    ("microsoft", include_str!("../../profiles/microsoft.toml")),
    ("office365", include_str!("../../profiles/office365.toml")),
    ("icloud", include_str!("../../profiles/icloud.toml")),
    ("comcast", include_str!("../../profiles/comcast.toml")),
    ("orange", include_str!("../../profiles/orange.toml")),
    ("laposte", include_str!("../../profiles/laposte.toml")),
    ("sfr", include_str!("../../profiles/sfr.toml")),
    ("gmx", include_str!("../../profiles/gmx.toml")),
    ("mimecast", include_str!("../../profiles/mimecast.toml")),
    ("barracuda", include_str!("../../profiles/barracuda.toml")),
    ("kpn", include_str!("../../profiles/kpn.toml")),
    ("qq", include_str!("../../profiles/qq.toml")),
    ("163", include_str!("../../profiles/163.toml")),
    ("yahoo-japan", include_str!("../../profiles/yahoo-japan.toml")),
    ("mail-com", include_str!("../../profiles/mail-com.toml")),
    ("other", include_str!("../../profiles/other.toml")),
];

/// The text of a profile that ships.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// That there is none of this name, and which there are.
#[must_use]
pub fn unknown(name: &str) -> String {
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    format!("no profile is called `{name}`; there are {}", names.join(", "))
}

/// The profile that ships under this name, or that a file ending in `.toml` holds.
///
/// # Errors
/// If there is none, or what is wrong with it and in which line.
pub fn read(name: &str) -> Result<Provider, String> {
    let wrong = |error: BadProvider| error.to_string();
    if let Some(text) = text(name) {
        return Provider::read_profile(name, text).map_err(wrong);
    }
    if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        return Provider::read_profile(name, &text).map_err(wrong);
    }
    Err(format!("{}; or give a file that ends in .toml", unknown(name)))
}

/// The octet of a network or a host: 1 to 254.
const OCTET_MAX: usize = 254;

/// Gives the providers that listen nowhere yet an address for each of their hosts: the N-th of
/// them has 127.0.N.1, 127.0.N.2 and so on, all at `port`.
///
/// # Errors
/// If there are more than 254 of them, or one has more than 254 hosts.
pub fn place(providers: &mut [Provider], port: u16) -> Result<(), String> {
    let homeless = providers.iter_mut().filter(|provider| provider.listen.is_empty());
    for (network, provider) in (1..).zip(homeless) {
        let hosts = provider.hosts.len().max(1);
        if network > OCTET_MAX || hosts > OCTET_MAX {
            let name = &provider.name;
            return Err(format!(
                "{name}: there are loopback addresses for 254 providers of 254 hosts; give `listen`"
            ));
        }
        let host = |host: usize| Ipv4Addr::new(127, 0, network as u8, host as u8);
        provider.listen = (1..=hosts).map(|number| (host(number), port).into()).collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, place, read, unknown};
    use crate::sink::Provider;
    use std::collections::BTreeSet;

    #[test]
    fn every_profile_that_ships_is_sound_and_says_where_its_figures_are_from() {
        let (mut domains, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for (name, text) in SHIPPED {
            let provider = read(name).unwrap();
            assert_eq!(provider.name, *name);
            assert!(!provider.about.is_empty() && !provider.contract.is_empty(), "{name}");
            assert!(provider.listen.is_empty() && !provider.hosts.is_empty(), "{name}");
            assert!(provider.domains.iter().all(|domain| domains.insert(domain.clone())), "{name}");
            assert!(provider.hosts.iter().all(|host| hosts.insert(host.clone())), "{name}");
            assert!(text.starts_with("# ") && text.contains("20"), "{name}");
        }
        let gmail = read("gmail").unwrap();
        assert_eq!((gmail.connections_per_source, gmail.messages_per_connection), (5, 50));
        assert_eq!(
            read("office365").unwrap().replies.poor,
            read("microsoft").unwrap().replies.poor
        );
        assert!(
            read("gmial").unwrap_err().contains("no profile is called `gmial`; there are gmail,")
        );
        assert!(read("no-such.toml").unwrap_err().starts_with("no-such.toml: "));
        assert!(unknown("x").ends_with("other"));
    }

    #[test]
    fn a_file_says_only_what_differs_from_a_profile() {
        let file = "[[provider]]\nname = 'strict'\nextends = 'gmail'\nconnections_per_source = 1\n\
                    quota.recovery = '2s'\n";
        let [strict] = &Provider::read_file("f", file).unwrap()[..] else { panic!("one") };
        let gmail = read("gmail").unwrap();
        assert_eq!((strict.connections_per_source, &strict.hosts), (1, &gmail.hosts));
        let (ours, theirs) = (strict.quota.unwrap(), gmail.quota.unwrap());
        assert!(ours.dkim == theirs.dkim && ours.recovery != theirs.recovery);
    }

    #[test]
    fn each_provider_has_a_network_and_each_host_an_address() {
        let mut all: Vec<_> = ["gmail", "yahoo"].map(|name| read(name).unwrap()).into();
        all.insert(1, Provider::read_line("listen=127.9.9.9:1").unwrap());
        place(&mut all, 2_525).unwrap();
        let said: Vec<_> = all.iter().map(|one| one.listen.last().unwrap().to_string()).collect();
        assert_eq!(said, ["127.0.1.5:2525", "127.9.9.9:1", "127.0.2.3:2525"]);
        let mut many = vec![read("other").unwrap(); 255];
        assert!(place(&mut many, 25).unwrap_err().starts_with("other: there are loopback"));
    }
}
