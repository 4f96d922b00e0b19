//! `ringpost`: see [`relay::command`].

use kernel::allocator::{self, Allocator};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    allocator::give_back_soon();
    relay::command::main()
}
