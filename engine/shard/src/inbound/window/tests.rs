use super::{COMMANDS, Window};
use crate::inbound::Shelf;

/// What a read would bring.
fn arrive(window: &mut Window, bytes: &[u8]) {
    let mut buffer = window.lend();
    buffer.extend(bytes);
    window.filled(buffer);
}

/// Chunks are kept as one text, whatever commands stand between them and however they arrive.
#[test]
fn what_stands_between_two_chunks_is_not_text() {
    let stream = b"BDAT 3\r\nabcNOOP\r\nBDAT 2\r\ndeBDAT 4 LAST\r\nfghiQUIT\r\n";
    let pieces = [(8, 3), (14, 2), (13, 4)];
    for packet in 1..=stream.len() {
        let mut window = Window::new(&Shelf::default());
        let mut packets = stream.chunks(packet);
        let mut wait = |window: &mut Window, count: usize| {
            while window.unread().len() < count {
                window.make_room(0);
                arrive(window, packets.next().expect("the stream is long enough"));
            }
        };
        for (command, chunk) in pieces {
            wait(&mut window, command);
            window.skip(command);
            for _ in 0..chunk {
                wait(&mut window, 1);
                window.keep(1);
            }
        }
        assert_eq!(window.text(), b"abcdefghi", "in packets of {packet}");
        wait(&mut window, 6);
        assert_eq!(window.unread(), b"QUIT\r\n", "in packets of {packet}");
        window.make_room(2 * COMMANDS);
        assert_eq!((window.text(), window.unread()), (&b"abcdefghi"[..], &b"QUIT\r\n"[..]));
        window.release();
        window.skip(6);
        assert!(window.is_spent());
    }
}

/// Commands between chunks take no room once they are dealt with.
#[test]
fn a_buffer_full_of_tiny_chunks_holds_their_text_alone() {
    const CHUNK: &[u8] = b"BDAT 1\r\n.";
    let mut window = Window::new(&Shelf::default());
    loop {
        window.make_room(0);
        if window.held().spare() < CHUNK.len() {
            break;
        }
        arrive(&mut window, CHUNK);
        window.skip(CHUNK.len() - 1);
        window.keep(1);
    }
    assert_eq!(window.text(), vec![b'.'; COMMANDS + 1 - CHUNK.len()]);
}
