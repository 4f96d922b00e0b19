//! Our side of a conversation with a SOCKS proxy, version 5, that connects to a host for us.
//!
//! The contract: [`Socks::begin`] gives what is said first. Then the caller reads exactly
//! [`Socks::wants`] bytes, which never reach beyond the proxy's own words, gives them to
//! [`Socks::hear`], and says what that returns, until it is [`Step::Open`]. Whatever comes behind
//! that is the host's.
//!
//! ```text
//!  greeting -> method -+-> request -> reply -> the rest of it -> open
//!                      +-> password -> status -> request -> ...
//! ```

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// [RFC 1928 §3](https://www.rfc-editor.org/rfc/rfc1928#section-3)
const VERSION: u8 = 5;
/// [RFC 1929 §2](https://www.rfc-editor.org/rfc/rfc1929#section-2)
const PASSWORD_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// Bytes of a reply as far as the first of its address, which may be a length.
const REPLY: usize = 5;

/// Who we are to a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: Box<str>,
    password: Box<str>,
}

/// One conversation.
#[derive(Debug)]
pub struct Socks {
    target: SocketAddr,
    credentials: Option<Credentials>,
    state: State,
}

/// What we wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Status,
    Reply,
    /// So many more bytes of an address that is of no use to us.
    Address(usize),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say this, which may be nothing, and read on.
    Say(Vec<u8>),
    /// The proxy has connected.
    Open,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocksFault {
    /// What came is not SOCKS 5.
    Protocol,
    /// The proxy wants another login than ours.
    Login,
    /// It refuses to do it, by this code.
    Refused(u8),
    /// It could not reach the host, by this code.
    Host(u8),
}

impl Credentials {
    /// A user and a password; `None` if one of them is empty or longer than 255 bytes.
    /// [RFC 1929 §2](https://www.rfc-editor.org/rfc/rfc1929#section-2)
    #[must_use]
    pub fn new(user: &str, password: &str) -> Option<Self> {
        let fits = |text: &str| (1..=255).contains(&text.len());
        (fits(user) && fits(password))
            .then(|| Self { user: user.into(), password: password.into() })
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Socks {
    /// A conversation about a connection to `target`, and what is said first.
    #[must_use]
    pub fn begin(target: SocketAddr, credentials: Option<Credentials>) -> (Self, Vec<u8>) {
        let greeting = match credentials {
            Some(_) => vec![VERSION, 2, NO_LOGIN, PASSWORD],
            None => vec![VERSION, 1, NO_LOGIN],
        };
        (Self { target, credentials, state: State::Method }, greeting)
    }

    /// How many bytes to read next.
    #[must_use]
    pub const fn wants(&self) -> usize {
        match self.state {
            State::Method | State::Status => 2,
            State::Reply => REPLY,
            State::Address(left) => left,
        }
    }

    /// Whether the proxy was asked to connect: what it waits for then is the host.
    #[must_use]
    pub const fn has_asked(&self) -> bool {
        matches!(self.state, State::Reply | State::Address(_))
    }

    /// Takes as many bytes as were wanted.
    ///
    /// # Errors
    /// There will be no connection.
    pub fn hear(&mut self, heard: &[u8]) -> Result<Step, SocksFault> {
        match (self.state, heard) {
            (State::Method, &[VERSION, NO_LOGIN]) | (State::Status, &[PASSWORD_VERSION, 0]) => {
                Ok(self.ask())
            }
            (State::Method, &[VERSION, PASSWORD]) => self.log_in(),
            (State::Method, &[VERSION, NO_METHOD]) | (State::Status, &[PASSWORD_VERSION, _]) => {
                Err(SocksFault::Login)
            }
            (State::Reply, &[VERSION, 0, _, kind, first]) => {
                let port = 2;
                let left = match kind {
                    IPV4 => 3 + port,
                    IPV6 => 15 + port,
                    NAME => usize::from(first) + port,
                    _ => return Err(SocksFault::Protocol),
                };
                self.state = State::Address(left);
                Ok(Step::Say(Vec::new()))
            }
            (State::Reply, &[VERSION, code, ..]) => Err(refusal(code)),
            (State::Address(left), _) if heard.len() == left => Ok(Step::Open),
            _ => Err(SocksFault::Protocol),
        }
    }

    fn ask(&mut self) -> Step {
        self.state = State::Reply;
        let mut request = vec![VERSION, CONNECT, 0];
        match self.target.ip() {
            IpAddr::V4(address) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            IpAddr::V6(address) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
        }
        request.extend(self.target.port().to_be_bytes());
        Step::Say(request)
    }

    fn log_in(&mut self) -> Result<Step, SocksFault> {
        let Credentials { user, password } = self.credentials.take().ok_or(SocksFault::Login)?;
        self.state = State::Status;
        let mut said = vec![PASSWORD_VERSION, user.len() as u8];
        said.extend(user.as_bytes());
        said.push(password.len() as u8);
        said.extend(password.as_bytes());
        Ok(Step::Say(said))
    }
}

/// [RFC 1928 §6](https://www.rfc-editor.org/rfc/rfc1928#section-6)
const fn refusal(code: u8) -> SocksFault {
    match code {
        // The network, or the host, cannot be reached; refused; it took too long.
        3..=6 => SocksFault::Host(code),
        _ => SocksFault::Refused(code),
    }
}

impl SocksFault {
    /// Whether it is the host that cannot be reached, and the proxy did what it could.
    #[must_use]
    pub const fn is_the_hosts(self) -> bool {
        matches!(self, Self::Host(_))
    }
}

impl fmt::Display for SocksFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol => f.write_str("it does not speak SOCKS 5"),
            Self::Login => f.write_str("it wants another login"),
            Self::Refused(1) => f.write_str("it failed (1)"),
            Self::Refused(2) => f.write_str("its rules forbid the connection (2)"),
            Self::Refused(code) => write!(f, "it refused ({code})"),
            Self::Host(3) => f.write_str("it cannot reach the network (3)"),
            Self::Host(4) => f.write_str("it cannot reach the host (4)"),
            Self::Host(5) => f.write_str("the host refused its connection (5)"),
            Self::Host(code) => write!(f, "the host did not answer it in time ({code})"),
        }
    }
}

#[cfg(test)]
mod tests;
