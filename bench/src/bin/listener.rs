//! `cargo run --release -p bench --bin listener -- WHAT`: what those cost who connect to us.

fn main() -> std::process::ExitCode {
    bench::listener::main()
}
