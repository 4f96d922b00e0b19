//! x
/// page
#[must_use]
pub fn page(_document: &super::Document) -> String {
    String::new()
}
