use super::{NotAClass, ReplyClass};

#[test]
fn classes_are_read_back_by_their_names() {
    for class in ReplyClass::ALL {
        assert_eq!(class.name().parse(), Ok(class));
    }
    assert!(ReplyClass::ALL.is_sorted_by(|a, b| a < b && a.name() < b.name()), "in order, once");
    assert_eq!("spam".parse::<ReplyClass>(), Err(NotAClass));
    let message = NotAClass.to_string();
    assert!(ReplyClass::ALL.iter().all(|class| message.contains(class.name())), "{message}");
}
