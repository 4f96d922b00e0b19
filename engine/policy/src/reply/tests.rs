use super::{asks_for_fewer_recipients, enhanced, outcome};
use event::{EnhancedCode, Outcome, Response};

fn response(line: &str) -> Response {
    let (code, code_text) = line.split_once(' ').unwrap_or((line, ""));
    Response::new(code.parse().unwrap(), code_text.parse::<EnhancedCode>().ok(), "")
}

#[test]
fn replies_mean_this() {
    use Outcome::{Deferred, Delivered, Failed};
    for (line, wanted, counts, fewer) in [
        ("250 2.0.0", Delivered, true, false),
        ("250", Delivered, false, false),
        ("250 5.1.1", Delivered, false, false),
        ("251 2.1.5", Delivered, true, false),
        ("421 4.3.2", Deferred, true, false),
        ("450 4.2.1", Deferred, true, false),
        ("450 5.1.1", Deferred, false, false),
        ("452 4.5.3", Deferred, true, true),
        ("452 4.2.2", Deferred, true, false),
        ("452", Deferred, false, false),
        ("452 5.5.3", Deferred, false, false),
        ("550 5.1.1", Failed, true, false),
        ("550 4.1.1", Failed, false, false),
        ("552 5.5.3", Deferred, true, true),
        ("552 5.2.2", Failed, true, false),
        ("552 4.5.3", Failed, false, false),
        ("552", Failed, false, false),
        ("554 5.5.3", Failed, true, false),
        ("599", Failed, false, false),
        ("199", Deferred, false, false),
        ("354", Deferred, false, false),
        ("600", Deferred, false, false),
        ("0", Deferred, false, false),
    ] {
        let response = response(line);
        assert_eq!(outcome(&response), wanted, "{line}");
        assert_eq!(enhanced(&response).is_some(), counts, "{line}");
        assert_eq!(asks_for_fewer_recipients(&response), fewer, "{line}");
    }
}

/// Only the code decides, but for the one spelling of RFC 821.
#[test]
fn no_enhanced_code_makes_a_success_of_a_refusal() {
    for code in 0..=999 {
        for class in [2, 4, 5] {
            for (subject, detail) in [(0, 0), (1, 1), (5, 3), (7, 999)] {
                let text = EnhancedCode::new(class, subject, detail);
                let outcome = outcome(&Response::new(code, Some(text), ""));
                assert_eq!(outcome == Outcome::Delivered, (200..300).contains(&code));
                let rfc_821 = (code, class, subject, detail) == (552, 5, 5, 3);
                assert_eq!(outcome == Outcome::Failed, (500..600).contains(&code) && !rfc_821);
            }
        }
    }
}
