//! Hosts that have enough of a large text before its end, say so, and read no more of it.

use crate::common::{PATIENCE, RETRY_SOON, route};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

/// More than all buffers of a connection hold.
const TEXT_BYTES: usize = 20 << 20;

/// A host in the middle of a text.
struct Midway {
    stream: TcpStream,
    /// Octets of the text that were read.
    octets: usize,
}

impl Midway {
    /// Takes a connection, and the beginning of the text that comes.
    fn meet(listener: &TcpListener) -> io::Result<Self> {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut host = Self { stream, octets: 0 };
        host.answer("220 midway.test ESMTP\r\n", b"\r\n")?;
        host.answer("250-midway.test\r\n250 PIPELINING\r\n", b"DATA\r\n")?;
        host.answer("250 2.1.0 fine\r\n250 2.1.5 fine\r\n354 go\r\n", b"\r\n\r\n")?;
        Ok(host)
    }

    /// Says this, and reads until the other has said something that ends with `end`.
    fn answer(&mut self, words: &str, end: &[u8]) -> io::Result<()> {
        self.stream.write_all(words.as_bytes())?;
        let mut said = Vec::new();
        while !said.ends_with(end) {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            said.push(byte[0]);
        }
        Ok(())
    }

    /// Reads all that comes, until the other hangs up.
    fn drain(mut self) -> usize {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = self.stream.read(&mut buffer) {
            self.octets += count;
        }
        self.octets
    }

    /// Takes the rest of the text, and the end of the conversation.
    fn take(&mut self) -> io::Result<()> {
        let mut last = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        while !last.ends_with(b"\r\n.\r\n") {
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            last.extend_from_slice(&buffer[..count]);
            last.drain(..last.len().saturating_sub(5));
        }
        self.stream.write_all(b"250 2.0.0 taken\r\n")
    }
}

/// Starts a host that says `words` in the middle of the first text, and reads no more of it until
/// that is `over`; the next text it takes. How many octets of the first it was sent.
fn host(
    words: &'static str,
    over: Receiver<()>,
) -> io::Result<(SocketAddr, JoinHandle<io::Result<usize>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let thread = thread::spawn(move || {
        let mut first = Midway::meet(&listener)?;
        first.stream.write_all(words.as_bytes())?;
        if words.starts_with('4') {
            Midway::meet(&listener)?.take()?;
        }
        // If nobody says so, the test has failed.
        let _ = over.recv();
        Ok(first.drain())
    });
    Ok((address, thread))
}

/// The outcomes of a large message for a host that says `words` in its middle.
fn outcomes(name: &str, words: &'static str) -> io::Result<Vec<String>> {
    let scratch = Scratch::new(name)?;
    let (verdict, over) = mpsc::channel();
    let (address, host) = host(words, over)?;
    let settings = route("site.test", address) + RETRY_SOON;
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.be_patient(PATIENCE)?;
    speaker.say("EHLO sender.test", "250")?;
    let line = "a line of a very long text\r\n";
    let text = format!("Subject: long\r\n\r\n{}", line.repeat(TEXT_BYTES / line.len()));
    speaker.send("", "you@site.test", &text)?;
    wait::until("an empty queue", PATIENCE, || (ringpost.queued().ok()? == 0).then_some(()))
        .map_err(|late| io::Error::other(format!("{late}\n{}", ringpost.plight())))?;
    drop(verdict);
    let sent = host.join().map_err(|_| io::Error::other("the host panicked"))??;
    assert!(sent < TEXT_BYTES / 2, "{sent} octets were sent to whom did not want them");
    assert!(ringpost.metric("ringpost_possible_duplicates_total")? < 1.0, "{words}");
    wait::until("the last line of its log", PATIENCE, || {
        let attempts = ringpost.attempts("you@site.test").ok()?;
        let outcomes: Vec<_> = attempts.into_iter().map(|attempt| attempt.outcome).collect();
        outcomes.last().is_some_and(|last| last != "deferred").then_some(outcomes)
    })
}

#[test]
fn a_refusal_in_the_middle_of_a_text_is_its_verdict() -> io::Result<()> {
    assert_eq!(outcomes("midway-no", "552 5.3.4 too large\r\n")?, ["failed"]);
    Ok(())
}

#[test]
fn a_host_that_closes_in_the_middle_of_a_text_gets_it_again() -> io::Result<()> {
    let words = "421-4.3.2 going down\r\n421 4.3.2 at once\r\n";
    assert_eq!(outcomes("midway-later", words)?, ["deferred", "delivered"]);
    Ok(())
}
