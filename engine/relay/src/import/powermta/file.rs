//! The file as it is written: directives, one a line, and sections of them in angle brackets.

use crate::import::fault;
use crate::settings::Faults;

/// A line, or a section of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Directive(Directive),
    Section(Section),
}

/// `name rest of the line`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// Counted from 1.
    pub(super) line: usize,
    /// In lower case.
    pub(super) name: String,
    /// Without comment, and without quotes around it.
    pub(super) value: String,
}

/// `<name value>` to `</name>`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Counted from 1.
    pub(super) line: usize,
    /// In lower case.
    pub(super) name: String,
    /// What stands behind it in the brackets.
    pub(super) value: String,
    pub(super) items: Vec<Item>,
}

/// How deep sections may lie in each other.
const DEPTH_MAX: usize = 8;

/// Takes a file apart.
///
/// # Errors
/// Every section that is not closed, or not opened, with what was expected.
pub(super) fn parse(name: &str, text: &str) -> Result<Vec<Item>, Faults> {
    let mut reader = Reader { open: vec![root()], faults: Vec::new(), name };
    for (line, text) in joined(text) {
        reader.line(line, &text);
    }
    while let Some(section) = reader.open.pop() {
        if reader.open.is_empty() {
            let Reader { mut faults, .. } = reader;
            faults.sort_by_key(|fault| fault.line);
            return if faults.is_empty() { Ok(section.items) } else { Err(Faults(faults)) };
        }
        let wrong = format!("<{}> is not closed", section.name);
        let allowed = format!("</{}> behind it", section.name);
        reader.faults.push(fault(name, section.line, wrong, &allowed));
    }
    Ok(Vec::new())
}

/// The lines with something on them, without comments; one that ends in a comma or a backslash goes on
/// in the next.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, text) in text.lines().enumerate() {
        let text = without_comment(text).trim();
        if text.is_empty() {
            continue;
        }
        let (text, is_to_be_continued) = match text.strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (text, text.ends_with(',') && !text.starts_with('<')),
        };
        match all.last_mut().filter(|_| goes_on && !text.starts_with('<')) {
            Some((_, last)) => {
                last.push(' ');
                last.push_str(text);
            }
            None => all.push((index + 1, text.to_owned())),
        }
        goes_on = is_to_be_continued || is_bare_macro(text);
    }
    all
}

/// `domain-macro name`, whose domains stand below.
fn is_bare_macro(text: &str) -> bool {
    let mut words = text.split_whitespace();
    words.next().is_some_and(|name| name.eq_ignore_ascii_case("domain-macro")) && words.count() == 1
}

/// What is in front of a `#` that begins a comment: one between quotes, or between the slashes of an
/// expression, does not.
fn without_comment(text: &str) -> &str {
    let mut within = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match within {
            Some(end) if c == end && before != '\\' => within = None,
            None if c == '#' => return &text[..at],
            None if c == '"' => within = Some('"'),
            None if c == '/' && before == ' ' => within = Some('/'),
            _ => (),
        }
        before = match (before, c) {
            // A backslash that was meant itself hides nothing.
            ('\\', '\\') => 'x',
            (_, '\t') => ' ',
            (_, c) => c,
        };
    }
    // What was opened and never closed was no expression: a path, say.
    if within == Some('/') { text.split(" #").next().unwrap_or_default() } else { text }
}

struct Reader<'n> {
    /// The sections that are open, the file itself first.
    open: Vec<Section>,
    faults: Vec<crate::settings::Fault>,
    name: &'n str,
}

impl Reader<'_> {
    fn line(&mut self, line: usize, text: &str) {
        let Some(inside) = text.strip_prefix('<') else {
            return self.add(Item::Directive(directive(line, text)));
        };
        let Some(inside) = inside.strip_suffix('>') else {
            return self.refuse(line, "a `<` that is not closed", "<name value> or </name>");
        };
        match inside.strip_prefix('/') {
            Some(name) => self.close(line, &name.trim().to_ascii_lowercase()),
            None => self.start(line, inside),
        }
    }

    fn start(&mut self, line: usize, inside: &str) {
        let Directive { name, value, .. } = directive(line, inside.trim());
        if name.is_empty() {
            return self.refuse(line, "a section without a name", "<name value>");
        }
        if self.open.len() > DEPTH_MAX {
            let wrong = format!("sections more than {DEPTH_MAX} deep");
            return self.refuse(line, wrong, "</name> where one ends");
        }
        self.open.push(Section { line, name, value, items: Vec::new() });
    }

    fn close(&mut self, line: usize, name: &str) {
        match self.open.last() {
            Some(open) if self.open.len() > 1 && open.name == name => {
                if let Some(section) = self.open.pop() {
                    self.add(Item::Section(section));
                }
            }
            Some(open) if self.open.len() > 1 => {
                let wrong =
                    format!("</{name}> does not close <{}> of line {}", open.name, open.line);
                let allowed = format!("</{}>", open.name);
                self.refuse(line, wrong, &allowed);
            }
            _ => self.refuse(line, format!("</{name}> closes nothing"), "<name value> before it"),
        }
    }

    fn add(&mut self, item: Item) {
        if let Some(open) = self.open.last_mut() {
            open.items.push(item);
        }
    }

    fn refuse(&mut self, line: usize, wrong: impl Into<String>, allowed: &str) {
        self.faults.push(fault(self.name, line, wrong, allowed));
    }
}

fn root() -> Section {
    Section { line: 0, name: String::new(), value: String::new(), items: Vec::new() }
}

fn directive(line: usize, text: &str) -> Directive {
    let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Directive { line, name: name.to_ascii_lowercase(), value: bare.unwrap_or(value).to_owned() }
}

impl Section {
    /// The lines in it.
    pub(super) fn directives(&self) -> impl Iterator<Item = &Directive> {
        directives(&self.items)
    }

    /// The sections in it.
    pub(super) fn sections(&self) -> impl Iterator<Item = &Self> {
        sections(&self.items)
    }

    /// What messages call it.
    pub(super) fn title(&self) -> String {
        format!("<{}>", format!("{} {}", self.name, self.value).trim_end())
    }
}

/// The lines among these.
pub(super) fn directives(items: &[Item]) -> impl Iterator<Item = &Directive> {
    items.iter().filter_map(|item| match item {
        Item::Directive(directive) => Some(directive),
        Item::Section(_) => None,
    })
}

/// The sections among these.
pub(super) fn sections(items: &[Item]) -> impl Iterator<Item = &Section> {
    items.iter().filter_map(|item| match item {
        Item::Section(section) => Some(section),
        Item::Directive(_) => None,
    })
}
