//! Certificates: read at start, made if there is none, looked at again while we run.

mod connector;
mod vouchers;

pub(super) use connector::connector;

use super::{say, warn};
use crate::settings::{self, ClientCertificate, Listener, Loaded, Settings};
use control::Chore;
use shard::{Begin, Security};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vouchers::Vouchers;
use wire::{Acceptor, Certificate, Certificates, Clients, Unusable};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the certificate that is made here is called.
const SELF_SIGNED: (&str, &str) = ("self-signed.pem", "self-signed.key");

/// Everything listeners need for TLS; nothing if none speaks it.
pub(super) struct Keyring {
    certificates: Arc<Certificates>,
    /// One a listener.
    security: Vec<Option<Security>>,
    pairs: Vec<Pair>,
    /// Of the listeners that ask clients for certificates.
    vouchers: Vec<(Vouchers, Arc<Acceptor>)>,
}

impl Keyring {
    /// Reads what the settings name, and makes what they leave out.
    ///
    /// # Errors
    /// A file cannot be used; with the line that names it.
    pub(super) fn open(loaded: &Loaded) -> io::Result<Self> {
        let settings = &loaded.settings;
        let mut pairs = named(loaded)?;
        if pairs.is_empty() && settings.wants_tls() {
            pairs.push(self_signed(settings)?);
        }
        let certificates = Certificates::new(pairs.iter().map(Pair::certificate).collect());
        let mut keyring = Self { certificates, security: Vec::new(), pairs, vouchers: Vec::new() };
        for (index, listener) in settings.listeners.iter().enumerate() {
            let security = keyring.secure(loaded, index, listener)?;
            keyring.security.push(security);
        }
        Ok(keyring)
    }

    fn secure(
        &mut self,
        loaded: &Loaded,
        index: usize,
        listener: &Listener,
    ) -> io::Result<Option<Security>> {
        let begin = match listener.tls.security {
            settings::Security::Off => return Ok(None),
            settings::Security::Starttls | settings::Security::Required => Begin::WhenAsked,
            settings::Security::Implicit => Begin::AtOnce,
        };
        let vouchers = vouchers(loaded, index, listener)?;
        let clients = vouchers.as_ref().map_or(Clients::Unasked, Vouchers::clients);
        let acceptor = Acceptor::new(Arc::clone(&self.certificates), &clients);
        let acceptor = Arc::new(acceptor.map_err(io::Error::other)?);
        self.vouchers.extend(vouchers.map(|vouchers| (vouchers, Arc::clone(&acceptor))));
        Ok(Some(Security { acceptor, begin }))
    }

    /// What of TLS the listener with this index has.
    pub(super) fn security(&self, listener: usize) -> Option<Security> {
        self.security.get(listener).cloned().flatten()
    }

    /// Looks at the files now and then.
    pub(super) fn chore(self) -> Chore {
        let Self { certificates, mut pairs, mut vouchers, .. } = self;
        let work = move || {
            let mut changed = false;
            for pair in &mut pairs {
                changed |= pair.look();
            }
            if changed {
                certificates.replace(pairs.iter().map(Pair::certificate).collect());
            }
            for (vouchers, acceptor) in &mut vouchers {
                vouchers.look(acceptor);
            }
        };
        Chore { every: LOOK_EVERY, work: Box::new(work) }
    }
}

/// Says whether the files that the settings name can be used.
///
/// # Errors
/// One cannot; with the line that names it.
pub(crate) fn check(loaded: &Loaded) -> io::Result<()> {
    named(loaded)?;
    for (index, listener) in loaded.settings.listeners.iter().enumerate() {
        vouchers(loaded, index, listener)?;
    }
    connector(loaded)?;
    super::policies::policies(loaded)?;
    super::politeness::politeness(loaded)?;
    Ok(())
}

fn named(loaded: &Loaded) -> io::Result<Vec<Pair>> {
    let read = |(index, certificate): (usize, &settings::Certificate)| {
        Pair::read(&certificate.chain, &certificate.key).map_err(|trouble| {
            let (key, path) = match trouble.file {
                Which::Chain => ("chain", &certificate.chain),
                Which::Key => ("key", &certificate.key),
            };
            refused(loaded, ("certificate", Some(index), key), path, &trouble.wrong)
        })
    };
    loaded.settings.certificates.iter().enumerate().map(read).collect()
}

fn vouchers(loaded: &Loaded, index: usize, listener: &Listener) -> io::Result<Option<Vouchers>> {
    let Some(path) = &listener.tls.client_ca else { return Ok(None) };
    let required = listener.tls.client_certificate == ClientCertificate::Required;
    let vouchers = Vouchers::read(path, required);
    vouchers
        .map(Some)
        .map_err(|wrong| refused(loaded, ("listener", Some(index), "client_ca"), path, &wrong))
}

/// An error that names the line of the settings.
pub(super) fn refused(
    loaded: &Loaded,
    place: (&'static str, Option<usize>, &'static str),
    path: &Path,
    wrong: &str,
) -> io::Error {
    let fault = loaded.fault(place, format!("{} {wrong}", path.display()));
    io::Error::new(io::ErrorKind::InvalidInput, fault.to_string().trim_end().to_owned())
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

/// A certificate and its key, and the files they came from.
struct Pair {
    chain: PathBuf,
    key: PathBuf,
    certificate: Certificate,
    /// What was last found in the files, be it of use or not.
    found: Result<(Vec<u8>, Vec<u8>), Trouble>,
    /// What was found was not of use, and this has been said.
    told: bool,
}

/// What is wrong with a pair, and with which of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    file: Which,
    wrong: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Chain,
    Key,
}

impl From<Unusable> for Trouble {
    fn from(unusable: Unusable) -> Self {
        let file = match unusable {
            Unusable::Chain(_) => Which::Chain,
            Unusable::Key(_) => Which::Key,
        };
        Self { file, wrong: unusable.to_string() }
    }
}

impl Pair {
    fn read(chain: &Path, key: &Path) -> Result<Self, Trouble> {
        let files = files(chain, key)?;
        let certificate = Certificate::from_pem(&files.0, &files.1)?;
        let (chain, key) = (chain.to_owned(), key.to_owned());
        Ok(Self { chain, key, certificate, found: Ok(files), told: false })
    }

    fn certificate(&self) -> Certificate {
        self.certificate.clone()
    }

    /// Looks at the files; true if there is a new certificate in them. One that is no good is
    /// told of when it is still there at the next look: two files are not changed at once.
    fn look(&mut self) -> bool {
        let found = files(&self.chain, &self.key);
        let is_new = found != self.found;
        self.found = found;
        if is_new {
            self.told = false;
        }
        let trouble = match &self.found {
            Ok((chain, key)) => match Certificate::from_pem(chain, key) {
                Ok(_) if !is_new => return false,
                Ok(certificate) => {
                    self.certificate = certificate;
                    say(format!(
                        "{} has changed: the new certificate is shown",
                        self.chain.display()
                    ));
                    return true;
                }
                Err(unusable) => unusable.into(),
            },
            Err(trouble) => trouble.clone(),
        };
        if !is_new && !self.told {
            self.told = true;
            let path = if trouble.file == Which::Chain { &self.chain } else { &self.key };
            warn(format!(
                "{} {}: the certificate there was before is still shown",
                path.display(),
                trouble.wrong
            ));
        }
        false
    }
}

fn files(chain: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
    let read = |path: &Path, file| {
        fs::read(path).map_err(|error| Trouble { file, wrong: unreadable(&error) })
    };
    Ok((read(chain, Which::Chain)?, read(key, Which::Key)?))
}

/// The certificate that was made here, now or on an earlier start.
fn self_signed(settings: &Settings) -> io::Result<Pair> {
    let directory = settings.tls.directory.clone().unwrap_or_else(|| {
        let mut beside = settings.spool.path.clone().into_os_string();
        beside.push("-tls");
        beside.into()
    });
    let (chain, key) = (directory.join(SELF_SIGNED.0), directory.join(SELF_SIGNED.1));
    if !chain.exists() {
        make(&settings.hostname, &directory, &chain, &key).map_err(|error| {
            let wrong = format!("no certificate can be kept in {}: {error}", directory.display());
            io::Error::new(error.kind(), wrong)
        })?;
    }
    warn(format!(
        "no [[certificate]] is named: {}, signed by nobody else, is shown; clients that ask who we \
         are will not believe it",
        chain.display()
    ));
    Pair::read(&chain, &key).map_err(|trouble| {
        let path = if trouble.file == Which::Chain { &chain } else { &key };
        let wrong =
            format!("{} {}: remove both files to have another made", path.display(), trouble.wrong);
        io::Error::new(io::ErrorKind::InvalidData, wrong)
    })
}

fn make(hostname: &str, directory: &Path, chain: &Path, key: &Path) -> io::Result<()> {
    let pair = rcgen::KeyPair::generate().map_err(io::Error::other)?;
    let mut params =
        rcgen::CertificateParams::new(vec![hostname.to_owned()]).map_err(io::Error::other)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, hostname);
    // The last year that certificates write with two digits.
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    let made = params.self_signed(&pair).map_err(io::Error::other)?;
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // The key first: a chain without its key would be taken for a finished pair.
    write(key, &pair.serialize_pem())?;
    write(chain, &made.pem())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
