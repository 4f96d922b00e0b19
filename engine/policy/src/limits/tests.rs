use super::Limits;
use std::time::Duration;

#[test]
fn flaws_are_named() {
    let sound = Limits::default();
    assert_eq!(sound.flaw(), None);
    for (unsound, key) in [
        (Limits { connections_max: 0, ..sound }, "connections_max"),
        (Limits { messages_per_connection_max: 0, ..sound }, "messages_per_connection_max"),
        (Limits { recipients_per_message_max: 0, ..sound }, "recipients_per_message_max"),
        (Limits { idle: Duration::from_secs(301), ..sound }, "idle"),
    ] {
        assert_eq!(unsound.flaw().map(|flaw| flaw.key), Some(key), "{unsound:?}");
    }
}

#[test]
fn settings_say_only_what_differs() {
    let read = serde_json::from_str::<Limits>(r#"{"connections_max":3,"idle":"1s"}"#).unwrap();
    let wanted = Limits { connections_max: 3, idle: Duration::from_secs(1), ..Limits::default() };
    assert_eq!(read, wanted);
    assert!(serde_json::from_str::<Limits>(r#"{"connections":3}"#).is_err());
}
