//! A host that takes mail under TLS by a library of its own, and offers REQUIRETLS or not.

use crate::mta_sts::Authority;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tests::wait;

/// What came to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guarded {
    /// The line that began the transaction.
    pub(crate) mail: String,
    /// The message, dots as they came.
    pub(crate) text: String,
}

/// One that runs until the test ends.
pub(crate) struct GuardedHost {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Guarded>>>,
}

impl GuardedHost {
    /// One at `address`, whose certificate is for `name`. `keyword` is offered under TLS.
    pub(crate) fn start(
        authority: &Authority,
        address: SocketAddr,
        name: &str,
        keyword: &'static str,
    ) -> io::Result<Self> {
        let (chain, key) = authority.certificate(&[name.to_owned()])?;
        let chain = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .map_err(io::Error::other)?;
        let (config, listener) = (Arc::new(config), TcpListener::bind(address)?);
        let (address, taken) = (listener.local_addr()?, Arc::<Mutex<Vec<Guarded>>>::default());
        let all = Arc::clone(&taken);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (config, taken) = (Arc::clone(&config), Arc::clone(&all));
                // Whoever goes away early is missed by nobody.
                thread::spawn(move || met(client, config, keyword, &taken).ok());
            }
        });
        Ok(Self { address, taken })
    }

    /// What it took so far.
    pub(crate) fn taken(&self) -> Vec<Guarded> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it took so many.
    pub(crate) fn wait_for(&self, count: usize, limit: Duration) -> io::Result<Vec<Guarded>> {
        let there = || Some(self.taken()).filter(|taken| taken.len() >= count);
        wait::until(&format!("{count} at {}", self.address), limit, there)
    }
}

/// In the clear up to the handshake, where it offers what counts for nothing; then under TLS.
fn met(
    client: TcpStream,
    config: Arc<ServerConfig>,
    keyword: &str,
    taken: &Mutex<Vec<Guarded>>,
) -> io::Result<()> {
    (&client).write_all(b"220 guarded.test ESMTP\r\n")?;
    let mut lines = BufReader::with_capacity(1, &client);
    loop {
        match verb(&line(&mut lines)?) {
            "EHLO" => {
                (&client).write_all(b"250-guarded.test\r\n250-REQUIRETLS\r\n250 STARTTLS\r\n")?;
            }
            "STARTTLS" => break,
            _ => (&client).write_all(b"530 5.7.0 TLS first\r\n")?,
        }
    }
    (&client).write_all(b"220 go ahead\r\n")?;
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut sealed = BufReader::new(StreamOwned::new(session, client));
    let mut guarded = Guarded::default();
    loop {
        let said = line(&mut sealed)?;
        let reply = match verb(&said) {
            "EHLO" => format!("250-guarded.test\r\n250-{keyword}\r\n250 8BITMIME"),
            "MAIL" => {
                guarded.mail.clone_from(&said);
                "250 fine".into()
            }
            "DATA" => {
                sealed.get_mut().write_all(b"354 go ahead\r\n")?;
                while let next = line(&mut sealed)?
                    && next != "."
                {
                    guarded.text += &next;
                    guarded.text.push('\n');
                }
                let whole = std::mem::take(&mut guarded);
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(whole);
                "250 2.0.0 taken".into()
            }
            "QUIT" => "221 bye".into(),
            _ => "250 fine".into(),
        };
        sealed.get_mut().write_all(format!("{reply}\r\n").as_bytes())?;
        sealed.get_mut().flush()?;
    }
}

fn verb(line: &str) -> &str {
    line.split([' ', ':']).next().unwrap_or_default()
}

/// One line, without its end.
fn line(lines: &mut BufReader<impl Read>) -> io::Result<String> {
    let mut line = String::new();
    if lines.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
