//! `cargo run --release -p bench --bin spool -- WHAT`: what the spool costs, beside the disk.

fn main() -> std::process::ExitCode {
    bench::spool::main()
}
