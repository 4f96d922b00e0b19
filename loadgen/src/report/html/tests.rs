use super::{command, page};
use crate::report::{Document, Origin, Received, Sent, Taken};

#[test]
fn a_command_line_can_be_pasted_into_a_shell() {
    let words = ["ringload", "send", "a b", "it's", "", "-q"].map(str::to_owned);
    assert_eq!(command(&words), r"ringload send 'a b' 'it'\''s' '' -q");
}

/// Names come from files and command lines: they stay text.
#[test]
fn what_others_wrote_is_text() {
    let evil = "<script>alert('x')</script>".to_owned();
    let taken = Taken { name: evil.clone(), about: evil.clone(), ..Taken::default() };
    let origin = Origin { command: vec![evil.clone()], ..Origin::default() };
    let sent = Sent { origin, trouble: Some(evil), ..Sent::default() };
    let sink = Received { providers: vec![taken], ..Received::default() };
    let page = page(&Document { send: Some(sent), sink: Some(sink), ..Document::default() });
    assert!(!page.contains("<script") && page.contains("&lt;script"), "{page}");
}

/// Any part may be missing, and any part may have seen nothing.
#[test]
fn a_report_of_nothing_is_a_page_without_oddities() {
    let (send, sink) = (Some(Sent::default()), Some(Received::default()));
    let empty = Document { send, sink, ..Document::default() };
    for document in [Document::default(), empty] {
        let page = page(&document);
        assert!(page.contains("No verdict"), "{page}");
        let body = page.split_once("</style>").expect("it has a style").1;
        assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
    }
}
