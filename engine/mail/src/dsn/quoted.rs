//! Quoted-printable: any text in lines of 76 safe octets.
//!
//! [RFC 2045 §6.7](https://www.rfc-editor.org/rfc/rfc2045#section-6.7)

/// The longest encoded line, CRLF not counted.
const LINE_MAX: usize = 76;

/// Appends `text`, lines of which end in CRLF, encoded. No line of the result begins with a dot.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) {
    let text = text.strip_suffix(b"\r\n").unwrap_or(text);
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        // A CR before our LF is the line's end; any other is a character like the rest.
        let ends = lines.peek().is_some();
        write_line(if ends { line.strip_suffix(b"\r").unwrap_or(line) } else { line }, out);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, byte) in line.iter().enumerate() {
        let last = at + 1 == line.len();
        let plain = match byte {
            b' ' | b'\t' => !last,
            b'.' => column > 0,
            byte => byte.is_ascii_graphic() && *byte != b'=',
        };
        let width = if plain { 1 } else { 3 };
        // Room is kept for the `=` of a soft break; a dot may land on a fresh line.
        if column + width >= LINE_MAX {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain && !(column == 0 && *byte == b'.') {
            out.push(*byte);
            column += 1;
        } else {
            out.extend_from_slice(&[b'=', hex(byte >> 4), hex(byte & 15)]);
            column += 3;
        }
    }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        0..10 => b'0' + digit,
        _ => b'A' + digit - 10,
    }
}

#[cfg(test)]
mod tests;
