//! How `ringload send` speaks: TLS, AUTH, BDAT and the PROXY header.

use loadgen::send::{Credentials, Encryption, Mechanism, Options, Proxy, Sources, Version};
use loadgen::size;
use loadgen::tls::{Client, Trust};
use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

/// Where TLS begins.
#[derive(Clone, Copy, Debug)]
enum Begin {
    Never,
    Starttls,
    FirstByte,
}

impl FromStr for Begin {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "none" => Ok(Self::Never),
            "starttls" => Ok(Self::Starttls),
            "implicit" => Ok(Self::FirstByte),
            _ => Err("give none, starttls or implicit"),
        }
    }
}

/// What was written on the command line about it.
#[derive(Debug, clap::Args)]
pub(super) struct Speech {
    /// Encryption: none, starttls, or implicit (from the first byte, as on port 465). Anybody's
    /// certificate is taken, unread, unless --tls-ca is given
    #[arg(long, default_value = "none")]
    tls: Begin,
    /// The server's name for SNI, and on its certificate (default: the host of the target)
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// A PEM file: take only certificates signed by one of these, for the name
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Log in by this name
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The password for it
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// How to log in: plain or login (default: plain where it is offered)
    #[arg(long, requires = "user")]
    auth: Option<Mechanism>,
    /// Send with BDAT instead of DATA, in chunks of so many bytes (64k if none are given)
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = chunk,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "64k"
    )]
    bdat: Option<usize>,
    /// Put a PROXY header in front of every connection: v1 or v2
    #[arg(long)]
    proxy: Option<Version>,
    /// The clients it names, one after the other, as a net [default: 127.1.0.0/16]
    #[arg(long, value_name = "NET", requires = "proxy")]
    proxy_sources: Option<Sources>,
}

fn chunk(text: &str) -> Result<usize, String> {
    let bytes = size::bytes(text).filter(|bytes| (1..=size::BYTES_MAX).contains(bytes));
    let most = size::BYTES_MAX >> 20;
    bytes
        .map(|bytes| bytes as usize)
        .ok_or(format!("give bytes such as 65536 or 64k, up to {most}m"))
}

impl Speech {
    /// Puts it into `options` for the target written as `host:port`.
    pub(super) fn apply(&self, target: &str, options: &mut Options) -> Result<(), Box<dyn Error>> {
        let trust = self.tls_ca.as_deref().map(Trust::read).transpose()?.unwrap_or_default();
        let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
        let name = self.tls_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
        options.encryption = match self.tls {
            Begin::Never => Encryption::None,
            Begin::Starttls => Encryption::StartTls(Client::new(&trust, name)?),
            Begin::FirstByte => Encryption::Implicit(Client::new(&trust, name)?),
        };
        let named = self.user.clone().zip(self.password.clone());
        let mechanism = self.auth;
        options.credentials =
            named.map(|(user, password)| Credentials { user, password, mechanism });
        options.bdat = self.bdat;
        let sources = self.proxy_sources.unwrap_or_default();
        options.proxy = self.proxy.map(|version| Proxy { version, sources });
        Ok(())
    }
}
