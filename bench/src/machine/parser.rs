//! One pass over what a client says: commands, message text, header.

use crate::inputs;
use mail::header::{Form, scan};
use smtp::command::Command;
use smtp::text::{Bounds, Text};
use std::hint::black_box;

const BOUNDS: Bounds = Bounds { message_bytes_max: 50 << 20, line_bytes_max: 1_000 };

pub(super) fn commands() -> Box<dyn FnMut()> {
    let lines = inputs::commands();
    Box::new(move || {
        let parsed = lines.iter().filter(|line| Command::parse(black_box(line)).is_ok()).count();
        black_box(parsed);
    })
}

pub(super) fn text(bytes: usize) -> Box<dyn FnMut()> {
    let text = inputs::text(bytes);
    Box::new(move || {
        black_box(Text::default().scan(black_box(&text), BOUNDS));
    })
}

pub(super) fn header(bytes: usize) -> Box<dyn FnMut()> {
    let text = inputs::text(bytes);
    Box::new(move || {
        black_box(scan(black_box(&text), Form::Stuffed));
    })
}
