use super::{parse_users, read_user};
use crate::settings::document::Reader;

const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

fn faults(text: &str) -> String {
    parse_users("users.toml", text, &[]).unwrap_err().to_string()
}

#[test]
fn users_are_read_with_their_terms() {
    let text = format!(
        "[[user]]\nname = \"anna\"\npassword = \"{HASH}\"\ntenant = \"shop\"\n\
         sender_domains = [\"shop.test\"]\nmessages = \"10/s\"\n\
         [[user]]\nname = \"otto@shop\"\npassword = \"{HASH}\"\n"
    );
    let users = parse_users("users.toml", &text, &[]).unwrap();
    let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
    assert_eq!(names, ["anna", "otto@shop"]);
    assert_eq!(users[0].terms.tenant.as_deref(), Some("shop"));
    assert!(users[0].terms.limits.messages.is_some());
    assert!(!users[0].terms.sender_domains.allow(b"a@other.test"));
    assert!(parse_users("users.toml", "", &[]).unwrap().is_empty());
}

#[test]
fn faults_name_the_line_and_keep_its_text_to_themselves() {
    let forgotten = "[[user]]\nname = \"anna\"\npassword = \"canary\"\n";
    let said = faults(forgotten);
    assert!(said.starts_with("users.toml:3: `password` cannot be what is written\n"), "{said}");
    assert!(said.contains("allowed: an Argon2id or scrypt hash"), "{said}");
    for canary in [
        forgotten,
        "[[user]]\nname = \"anna\"\npassword = \"canary\n",
        "[[user]]\nname = \"anna\"\npassword = canary\n",
        "[[user]]\nname = \"anna\"\npassword = [\"canary\"]\nscram = \"canary\"\n",
        "[[user]]\nname = 1 # canary\n",
    ] {
        let said = faults(canary);
        assert!(said.starts_with("users.toml:"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn users_are_checked_against_each_other() {
    let one = format!("[[user]]\nname = \"anna\"\npassword = \"{HASH}\"\n");
    let said = faults(&format!("{one}{one}"));
    assert!(said.contains("users.toml:5: another user is called \"anna\""), "{said}");
    let said = faults("[[user]]\nname = \"an na\"\n");
    assert!(said.contains("users.toml:2: `name` cannot be"), "{said}");
    assert!(said.contains("users.toml:1: [[user]] has no `password`"), "{said}");
    let said = faults("[[users]]\nname = \"anna\"\n");
    assert!(said.contains("did you mean `user`?"), "{said}");
}

#[test]
fn the_pool_of_a_user_is_one_that_there_is() {
    let text = format!("[[user]]\nname = \"anna\"\npassword = \"{HASH}\"\npool = \"warm\"\n");
    let read = |pools: &[&str]| {
        let pools: Vec<_> = pools.iter().map(ToString::to_string).collect();
        parse_users("users.toml", &text, &pools).map_err(|faults| faults.to_string())
    };
    assert_eq!(read(&["cold", "warm"]).unwrap()[0].terms.pool.as_deref(), Some("warm"));
    assert!(read(&[]).is_ok(), "a label");
    let said = read(&["cold", "hot"]).unwrap_err();
    assert!(said.starts_with("users.toml:4: no [[pool]] has this name\n"), "{said}");
    assert!(said.contains("allowed: \"cold\", \"hot\"") && !said.contains("warm"), "{said}");
}

#[test]
fn what_is_kept_is_not_listed_either() {
    let text = format!("[[user]]\nname = \"anna\"\npassword = \"{HASH}\"\n");
    let (table, _) = toml::de::DeTable::parse_recoverable(&text);
    let mut reader = Reader::new(super::Source { name: "users.toml", text: &text });
    reader.top(Some(table.get_ref())).tables("user", 0, read_user);
    let entries = reader.finish().unwrap();
    let password = entries.iter().find(|entry| entry.name == "password").unwrap();
    assert_eq!(password.value.as_deref(), Some("\"***\""));
}
