//! Regular expressions as conditions of our reply rules, which know words and codes only.
//!
//! What an expression spells out becomes words; what it leaves open (`.*`, `\d+`) parts them; codes in
//! front become codes. So `^421 .* \[TS0[1-3]\]` asks for the code 421 and one of three words. Where
//! that fits more replies than the expression did, it is said ([`Condition::is_wider`]).

mod syntax;

use syntax::{Item, spell};

/// The shortest word worth listening for.
const WORD_CHARS_MIN: usize = 3;

/// Which replies are meant: those with one of the codes, one of `text` and one of `with`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// Such as `421` or `45x`; empty: any.
    pub(super) codes: Vec<String>,
    /// Such as `4.7.1`; empty: any.
    pub(super) enhanced: Vec<String>,
    /// One of these is in the text; empty: anything.
    pub(super) text: Vec<String>,
    /// And one of these.
    pub(super) with: Vec<String>,
    /// Other replies may fulfil it, too.
    pub(super) is_wider: bool,
}

/// The conditions that together stand for a regular expression.
///
/// # Errors
/// What stands in the way.
pub(super) fn conditions(expression: &str) -> Result<Vec<Condition>, String> {
    let (spellings, is_wider) = spell(expression)?;
    let mut all: Vec<Condition> = Vec::new();
    for spelling in spellings {
        let mut condition = condition(&spelling);
        condition.is_wider |= is_wider;
        if condition.codes.is_empty() && condition.enhanced.is_empty() && condition.text.is_empty()
        {
            return Err("it spells out no code, and no word of three characters or more".to_owned());
        }
        match all.last_mut().filter(|last| last.may_join(&condition)) {
            Some(last) => last.join(condition),
            None => all.push(condition),
        }
    }
    Ok(all)
}

impl Condition {
    /// Whether both differ in one list only, so that one condition says what both do.
    fn may_join(&self, other: &Self) -> bool {
        let same = [
            self.codes == other.codes,
            self.enhanced == other.enhanced,
            self.text == other.text,
            self.with == other.with,
        ];
        // Of nothing and something, nothing is all that there is.
        let empty = [
            self.codes.is_empty() != other.codes.is_empty(),
            self.enhanced.is_empty() != other.enhanced.is_empty(),
            self.text.is_empty() != other.text.is_empty(),
            self.with.is_empty() != other.with.is_empty(),
        ];
        same.iter().filter(|same| !**same).count() <= 1 && !empty.contains(&true)
    }

    fn join(&mut self, other: Self) {
        let join = |ours: &mut Vec<String>, theirs: Vec<String>| {
            for one in theirs {
                if !ours.contains(&one) {
                    ours.push(one);
                }
            }
        };
        join(&mut self.codes, other.codes);
        join(&mut self.enhanced, other.enhanced);
        join(&mut self.text, other.text);
        join(&mut self.with, other.with);
        self.is_wider |= other.is_wider;
    }
}

/// What one way to spell an expression asks for.
fn condition(spelling: &[Item]) -> Condition {
    let mut condition = Condition::default();
    let start = spelling.iter().take_while(|item| **item == Item::Start).count();
    let mut rest = &spelling[start..];
    if let Some((code, behind)) = code(rest) {
        condition.codes.push(code);
        rest = behind;
    }
    if let Some((code, behind)) = enhanced(rest) {
        condition.enhanced.push(code);
        rest = behind;
    }
    let (mut words, gaps_matter) = words(rest);
    let count = words.len();
    words.retain(|word| word.chars().count() >= WORD_CHARS_MIN);
    condition.is_wider = gaps_matter || words.len() < count || words.len() > 2;
    // The two longest are hardest to meet by chance.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut words = words.into_iter();
    condition.text = words.next().into_iter().collect();
    condition.with = words.next().into_iter().collect();
    condition
}

/// The reply code at the start, such as `421` or `4\d\d`, and what is behind it.
fn code(items: &[Item]) -> Option<(String, &[Item])> {
    let [Item::Char(class @ ('4' | '5')), tens, ones, rest @ ..] = items else { return None };
    let code = match (digit(*tens)?, digit(*ones)?) {
        // Only the end of a code can be left open.
        ('x', digit) if digit != 'x' => return None,
        (tens, ones) => format!("{class}{tens}{ones}"),
    };
    let ends = !matches!(rest.first(), Some(Item::Char(next)) if !matches!(next, ' ' | '-'));
    ends.then(|| (code, behind_spaces(rest)))
}

/// The enhanced code at the start, such as `4\.7\.1`, and what is behind it.
fn enhanced(items: &[Item]) -> Option<(String, &[Item])> {
    let [Item::Char(class @ ('4' | '5')), dot, rest @ ..] = items else { return None };
    let (subject, rest) = number(rest);
    let [second_dot, rest @ ..] = rest else { return None };
    let is_dot = |item: &Item| matches!(item, Item::Char('.') | Item::Any);
    let (detail, behind) = match rest {
        [Item::Digit, Item::Gap, behind @ ..] | [Item::Digit, behind @ ..] => {
            ("x".to_owned(), behind)
        }
        rest => number(rest),
    };
    let is_code = is_dot(dot) && is_dot(second_dot) && !subject.is_empty() && !detail.is_empty();
    is_code.then(|| (format!("{class}.{subject}.{detail}"), behind_spaces(behind)))
}

fn number(items: &[Item]) -> (String, &[Item]) {
    let digits = |item: &&Item| matches!(item, Item::Char(c) if c.is_ascii_digit());
    let count = items.iter().take(3).take_while(digits).count();
    let number = items[..count].iter().filter_map(|item| match item {
        Item::Char(digit) => Some(*digit),
        _ => None,
    });
    (number.collect(), &items[count..])
}

fn digit(item: Item) -> Option<char> {
    match item {
        Item::Char(digit) if digit.is_ascii_digit() => Some(digit),
        Item::Digit => Some('x'),
        _ => None,
    }
}

fn behind_spaces(items: &[Item]) -> &[Item] {
    let spaces = items.iter().take_while(|item| matches!(item, Item::Char(' ' | '-'))).count();
    &items[spaces..]
}

/// The words that are spelt out, and whether what is between them was said more exactly than that
/// there may be anything.
fn words(items: &[Item]) -> (Vec<String>, bool) {
    let mut words = vec![String::new()];
    let mut gaps_matter = false;
    for item in items {
        match item {
            Item::Char(c) => words.last_mut().into_iter().for_each(|word| word.push(*c)),
            Item::Gap => words.push(String::new()),
            Item::Any | Item::Digit | Item::Start => {
                gaps_matter = true;
                words.push(String::new());
            }
        }
    }
    let trimmed = words.iter().map(|word| word.trim().to_owned());
    (trimmed.filter(|word| !word.is_empty()).collect(), gaps_matter)
}

#[cfg(test)]
mod tests;
