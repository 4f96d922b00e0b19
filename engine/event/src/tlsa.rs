//! What DNS says of the certificates of a host: TLSA records, as DANE for mail reads them.
//!
//! [RFC 6698 §2.1](https://www.rfc-editor.org/rfc/rfc6698#section-2.1),
//! [RFC 7672 §3](https://www.rfc-editor.org/rfc/rfc7672#section-3)

/// The most records of one host that are looked at.
pub const TLSA_RECORDS_MAX: usize = 16;
/// The longest certificate, or key, in a record.
const WHOLE_BYTES_MAX: usize = 8 * 1_024;

/// Whose certificate a record speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsaUsage {
    /// That of somebody who vouches for the host: DANE-TA(2).
    TrustAnchor,
    /// The host's own: DANE-EE(3).
    EndEntity,
}

/// What of a certificate a record speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsaPart {
    /// All of it: Cert(0).
    Certificate,
    /// Its key: SPKI(1).
    Key,
}

/// How a record says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsaForm {
    /// As it is: Full(0).
    Whole,
    /// By its SHA2-256(1).
    Sha256,
    /// By its SHA2-512(2).
    Sha512,
}

/// A record of use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// Whose certificate it speaks of.
    pub usage: TlsaUsage,
    /// What of it.
    pub part: TlsaPart,
    /// How it says that.
    pub form: TlsaForm,
    /// What it says.
    pub data: Box<[u8]>,
}

impl Tlsa {
    /// A record with these fields. `None` if mail has no use for it: PKIX-TA(0) and PKIX-EE(1)
    /// neither, since there is nobody whom all of mail trusts.
    ///
    /// [RFC 7672 §3.1.3](https://www.rfc-editor.org/rfc/rfc7672#section-3.1.3)
    #[must_use]
    pub fn read(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Option<Self> {
        let usage = match usage {
            2 => TlsaUsage::TrustAnchor,
            3 => TlsaUsage::EndEntity,
            _ => return None,
        };
        let part = match selector {
            0 => TlsaPart::Certificate,
            1 => TlsaPart::Key,
            _ => return None,
        };
        let (form, fits) = match matching {
            0 => (TlsaForm::Whole, (1..=WHOLE_BYTES_MAX).contains(&data.len())),
            1 => (TlsaForm::Sha256, data.len() == 32),
            2 => (TlsaForm::Sha512, data.len() == 64),
            _ => return None,
        };
        fits.then(|| Self { usage, part, form, data: data.into() })
    }

    /// Whether `other` says the same in a better way.
    fn is_outdone_by(&self, other: &Self) -> bool {
        let forms = (self.form, other.form);
        (self.usage, self.part) == (other.usage, other.part)
            && forms == (TlsaForm::Sha256, TlsaForm::Sha512)
    }
}

/// What DNS proves of one host. There is always TLS; if no record is of use, nothing is known of
/// the certificate.
///
/// [RFC 7672 §2.2](https://www.rfc-editor.org/rfc/rfc7672#section-2.2)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsaSet {
    names: Box<[Box<str>]>,
    records: Box<[Tlsa]>,
}

impl TlsaSet {
    /// These records of use, which were found below `base`. Of those that say the same by several
    /// digests, only the best digest counts.
    ///
    /// [RFC 7671 §9](https://www.rfc-editor.org/rfc/rfc7671#section-9)
    pub fn new(base: &str, records: impl IntoIterator<Item = Tlsa>) -> Self {
        let all: Vec<Tlsa> = records.into_iter().take(TLSA_RECORDS_MAX).collect();
        let is_best = |record: &&Tlsa| !all.iter().any(|other| record.is_outdone_by(other));
        let records = all.iter().filter(is_best).cloned().collect();
        Self { names: Box::new([base.into()]), records }
    }

    /// The same for a host that may also go by `name`, where somebody vouches for it.
    ///
    /// [RFC 7672 §3.2.2](https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2)
    #[must_use]
    pub fn also_for(&self, name: &str) -> Self {
        let vouched = |record: &Tlsa| record.usage == TlsaUsage::TrustAnchor;
        let mut names = self.names.to_vec();
        if self.records.iter().any(vouched) && names.iter().all(|known| **known != *name) {
            names.push(name.into());
        }
        Self { names: names.into(), records: self.records.clone() }
    }

    /// The domain that the records were found below, by which the host is asked for.
    #[must_use]
    pub fn base(&self) -> &str {
        self.names.first().map_or("", |base| base)
    }

    /// What the host may be called in a certificate that somebody vouches for; [`Self::base`] is
    /// the first.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The records. None: it is known that there has to be TLS, and nothing else.
    #[must_use]
    pub fn records(&self) -> &[Tlsa] {
        &self.records
    }
}

#[cfg(test)]
mod tests;
