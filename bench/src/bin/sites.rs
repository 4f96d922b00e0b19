//! `cargo run --release -p bench --bin sites -- WHAT`: many sites, sites that fail, and one for all shards.

fn main() -> std::process::ExitCode {
    bench::sites::main()
}
