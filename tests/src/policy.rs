//! A Postfix policy server: it says what Postfix answers to each recipient.
//!
//! The protocol is that of Postfix's `SMTPD_POLICY_README`: attributes, one a line, and an
//! empty line; then `action=...` and an empty line.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What Postfix is to say to a recipient, such as `450 4.2.1 later` or `dunno`.
type Answers = dyn FnMut(&str) -> String + Send;

/// Starts a server that asks `answers` about each recipient; it lives as long as the test.
///
/// # Errors
/// If there is no port.
pub fn serve(answers: impl FnMut(&str) -> String + Send + 'static) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let answers: Arc<Mutex<Answers>> = Arc::new(Mutex::new(answers));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            thread::spawn(move || talk(&stream, &answers));
        }
    });
    Ok(address)
}

fn talk(stream: &TcpStream, answers: &Mutex<Answers>) -> io::Result<()> {
    let mut recipient = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(named) = line.strip_prefix("recipient=") {
            recipient = named.into();
        } else if line.is_empty() {
            let mut answers = answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let action = answers(&recipient);
            (&mut &*stream).write_all(format!("action={action}\n\n").as_bytes())?;
        }
    }
    Ok(())
}
