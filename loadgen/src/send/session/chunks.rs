//! A text in the form BDAT takes: without doubled dots, in chunks of a known length.
//!
//! [RFC 3030 §2](https://www.rfc-editor.org/rfc/rfc3030#section-2)

/// A text of which some is said.
#[derive(Debug)]
pub(super) struct Chunks {
    text: Vec<u8>,
    said: usize,
}

impl Chunks {
    /// Of a text in wire form, without its final dot.
    pub(super) fn new(wire: &[u8]) -> Self {
        let mut text = Vec::with_capacity(wire.len());
        let mut from = usize::from(wire.first() == Some(&b'.'));
        for end in memchr::memmem::find_iter(wire, b"\r\n.") {
            text.extend_from_slice(&wire[from..end + 2]);
            from = end + 3;
        }
        text.extend_from_slice(&wire[from..]);
        Self { text, said: 0 }
    }

    /// Appends the next chunk of at most `size` bytes with its command. True if it is the last.
    pub(super) fn append(&mut self, size: usize, out: &mut Vec<u8>) -> bool {
        let rest = &self.text[self.said..];
        let chunk = &rest[..rest.len().min(size.max(1))];
        let is_last = chunk.len() == rest.len();
        out.extend_from_slice(b"BDAT ");
        out.extend_from_slice(chunk.len().to_string().as_bytes());
        out.extend_from_slice(if is_last { b" LAST\r\n" } else { b"\r\n" });
        out.extend_from_slice(chunk);
        self.said += chunk.len();
        is_last
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn dots_are_single_and_chunks_add_up_to_the_text() {
        let wire = b"..a\r\n..\r\n.... b.\r\n\r\nc\r\n..";
        let plain = b".a\r\n.\r\n... b.\r\n\r\nc\r\n.";
        for size in [1, 3, 7, plain.len(), 1_000] {
            let (mut chunks, mut found, mut lasts) = (Chunks::new(wire), Vec::new(), Vec::new());
            while lasts.last() != Some(&true) {
                let mut out = Vec::new();
                lasts.push(chunks.append(size, &mut out));
                let line_end = memchr::memchr(b'\n', &out).unwrap() + 1;
                let (line, chunk) = out.split_at(line_end);
                let last = if lasts.last() == Some(&true) { " LAST" } else { "" };
                assert_eq!(line, format!("BDAT {}{last}\r\n", chunk.len()).as_bytes());
                found.extend_from_slice(chunk);
            }
            assert_eq!(found, plain, "{size}");
            assert_eq!(lasts.len(), plain.len().div_ceil(size));
        }
    }
}
