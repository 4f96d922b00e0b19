//! Listening sockets that the service manager holds for us: they are open before we start and
//! after we have ended, so that whoever connects in between waits instead of being refused.

use super::host::probe;
use crate::settings::Listener;
use kernel::Inherited;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// For each listener, the socket that is held for it, if one is.
///
/// # Errors
/// Those of [`assign`]; or somebody listens where none is held.
pub(super) fn open(listeners: &[Listener]) -> io::Result<Vec<Option<Arc<OwnedFd>>>> {
    let sockets = assign(listeners, kernel::inherited()?)?;
    let unheld = listeners.iter().zip(&sockets).filter(|(_, socket)| socket.is_none());
    unheld.map(|(listener, _)| listener.address).try_for_each(probe)?;
    Ok(sockets)
}

/// For each listener, its socket of those that are held.
///
/// # Errors
/// If a socket is for none of them: its clients would wait for ever.
fn assign(listeners: &[Listener], held: Vec<Inherited>) -> io::Result<Vec<Option<Arc<OwnedFd>>>> {
    let mut assigned = vec![None; listeners.len()];
    for Inherited { socket, name, address } in held {
        let fits = |listener: &Listener| Some(listener.address) == address;
        let place = listeners.iter().position(fits).map(|index| &mut assigned[index]);
        match place {
            Some(place @ None) => *place = Some(Arc::new(socket)),
            Some(_) => return Err(stray(&name, address, "another one is there for it already")),
            None => return Err(stray(&name, address, "no [[listener]] has its address")),
        }
    }
    Ok(assigned)
}

fn stray(name: &str, address: Option<std::net::SocketAddr>, why: &str) -> io::Error {
    let what = match address {
        Some(address) => format!("listens on {address}"),
        None => "is no listening TCP socket".to_owned(),
    };
    io::Error::other(format!("the socket \"{name}\" that was handed to us {what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::assign;
    use crate::settings::{Host, Listener, parse};
    use kernel::Inherited;
    use std::net::{SocketAddr, TcpListener, UdpSocket};

    fn listener(address: SocketAddr) -> Listener {
        let host = Host { cores: 1, name: "mta.test".to_owned() };
        let text = format!("[[listener]]\naddress = \"{address}\"\n");
        parse("", &text, &host).unwrap().settings.listeners.remove(0)
    }

    fn held(socket: &TcpListener) -> Inherited {
        Inherited {
            address: socket.local_addr().ok(),
            socket: socket.try_clone().unwrap().into(),
            name: "smtp".to_owned(),
        }
    }

    #[test]
    fn sockets_are_matched_by_address_and_strays_are_named() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let listeners = [listener("127.0.0.1:1".parse().unwrap()), listener(address)];
        let assigned = assign(&listeners, vec![held(&socket)]).unwrap();
        assert!(assigned[0].is_none() && assigned[1].is_some());

        let twice = assign(&listeners, vec![held(&socket), held(&socket)]).unwrap_err();
        assert!(twice.to_string().contains("already"), "{twice}");
        let stray = assign(&listeners[..1], vec![held(&socket)]).unwrap_err().to_string();
        assert!(stray.contains(&format!("\"smtp\" that was handed to us listens on {address}")));
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let odd = Inherited { address: None, socket: datagrams.into(), name: "dns".to_owned() };
        let odd = assign(&listeners, vec![odd]).unwrap_err().to_string();
        assert!(odd.contains("no listening TCP socket"), "{odd}");
    }
}
