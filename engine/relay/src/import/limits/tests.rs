//! The limits are those that settings have.

use super::{IDLE_MAX, Limit};
use crate::settings::{Host, parse};

fn is_right(text: &str) -> bool {
    let host = Host { cores: 1, name: "mta1.example.com".to_owned() };
    parse("ringpost.toml", text, &host).is_ok()
}

#[test]
fn the_most_is_what_settings_bear() {
    for limit in [Limit::MESSAGES, Limit::RECIPIENTS, Limit::CONNECTIONS] {
        let text = |count| format!("[delivery]\n{} = {count}\n", limit.name);
        assert!(is_right(&text(limit.unlimited())), "{}", limit.name);
        assert!(!is_right(&text(limit.unlimited() + 1)), "{}", limit.name);
    }
    let idle = |seconds| format!("[delivery]\nidle = \"{seconds}s\"\n");
    assert!(is_right(&idle(IDLE_MAX.as_secs())) && !is_right(&idle(IDLE_MAX.as_secs() + 1)));
}
