use super::Limits;
use std::time::Duration;

#[test]
fn settings_say_only_what_differs() {
    let read = serde_json::from_str::<Limits>(r#"{"connections_max":3,"idle":"1s"}"#).unwrap();
    let wanted = Limits { connections_max: 3, idle: Duration::from_secs(1), ..Limits::default() };
    assert_eq!(read, wanted);
    assert!(serde_json::from_str::<Limits>(r#"{"connections":3}"#).is_err());
}
