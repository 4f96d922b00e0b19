//! Which hosts take the mail of domains that everybody writes to.
//!
//! Other relays limit what goes to a domain; here a `[[site]]` is limited, which is known by its MX
//! hosts, whatever the domains. For the large mailbox providers the one follows from the other, as
//! their MX records of 2026 say. The hosts of all other domains are for the operator to look up.

/// A provider: what its site is called, its hosts, and its domains. `yahoo.*` means any country's.
struct Known {
    site: &'static str,
    mx: &'static [&'static str],
    domains: &'static [&'static str],
}

const KNOWN: [Known; 20] = [
    Known {
        site: "google",
        mx: &[".google.com", ".googlemail.com"],
        domains: &["gmail.com", "googlemail.com"],
    },
    Known {
        site: "outlook",
        mx: &[".olc.protection.outlook.com"],
        domains: &[
            "outlook.*",
            "hotmail.*",
            "live.*",
            "msn.com",
            "windowslive.com",
            "passport.com",
        ],
    },
    Known { site: "yahoo-japan", mx: &[".yahoo.co.jp"], domains: &["yahoo.co.jp"] },
    Known {
        site: "yahoo",
        mx: &[".yahoodns.net"],
        domains: &[
            "yahoo.*",
            "ymail.com",
            "rocketmail.com",
            "y7mail.com",
            "myyahoo.com",
            "aol.*",
            "aim.com",
            "verizon.net",
            "netscape.net",
        ],
    },
    Known { site: "apple", mx: &[".icloud.com"], domains: &["icloud.com", "me.com", "mac.com"] },
    Known {
        site: "att",
        mx: &[".prodigy.net"],
        domains: &[
            "att.net",
            "sbcglobal.net",
            "bellsouth.net",
            "ameritech.net",
            "pacbell.net",
            "swbell.net",
            "snet.net",
            "flash.net",
            "nvbell.net",
            "prodigy.net",
        ],
    },
    Known { site: "comcast", mx: &[".comcast.net"], domains: &["comcast.net"] },
    Known {
        site: "spectrum",
        mx: &[".charter.net", ".spectrum.com"],
        domains: &["charter.net", "spectrum.net", "twc.com", "roadrunner.com"],
    },
    Known {
        site: "orange",
        mx: &[".orange.fr", ".wanadoo.fr"],
        domains: &["orange.fr", "wanadoo.fr"],
    },
    Known { site: "laposte", mx: &[".laposte.net"], domains: &["laposte.net"] },
    Known { site: "sfr", mx: &[".sfr.fr"], domains: &["sfr.fr", "neuf.fr", "cegetel.net"] },
    Known { site: "free", mx: &[".free.fr", ".proxad.net"], domains: &["free.fr", "aliceadsl.fr"] },
    Known {
        site: "gmx",
        mx: &[".gmx.net", ".web.de", ".mail.com"],
        domains: &["gmx.*", "web.de", "mail.com", "email.com"],
    },
    Known { site: "t-online", mx: &[".t-online.de"], domains: &["t-online.de"] },
    Known {
        site: "mail-ru",
        mx: &[".mail.ru"],
        domains: &["mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru"],
    },
    Known {
        site: "yandex",
        mx: &[".yandex.ru", ".yandex.net"],
        domains: &["yandex.*", "ya.ru", "narod.ru"],
    },
    Known { site: "qq", mx: &[".qq.com"], domains: &["qq.com", "foxmail.com"] },
    Known { site: "netease", mx: &[".netease.com"], domains: &["163.com", "126.com", "yeah.net"] },
    Known {
        site: "zoho",
        mx: &[".zoho.com", ".zoho.eu", ".zoho.in"],
        domains: &["zoho.com", "zohomail.com"],
    },
    Known {
        site: "proton",
        mx: &[".protonmail.ch"],
        domains: &["proton.me", "protonmail.com", "pm.me"],
    },
];

/// The site that a domain's mail goes to, and its hosts, if that is known.
pub(super) fn site_of(domain: &str) -> Option<(&'static str, &'static [&'static str])> {
    let domain = domain.to_ascii_lowercase();
    let is_meant = |pattern: &str| match pattern.strip_suffix('*') {
        // As in yahoo.co.uk: what a country has in front of its own name.
        Some(start) => domain
            .strip_prefix(start)
            .is_some_and(|rest| rest.split('.').count() <= 2 && rest.split('.').all(is_ending)),
        None => domain == pattern,
    };
    let known = KNOWN.iter().find(|known| known.domains.iter().any(|pattern| is_meant(pattern)))?;
    Some((known.site, known.mx))
}

/// What the site with this host pattern is called.
pub(super) fn name_of(host: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|known| known.mx.contains(&host))?;
    Some(known.site)
}

/// Whether a label may be a country's, or what stands before one.
fn is_ending(label: &str) -> bool {
    (2..=3).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests;
