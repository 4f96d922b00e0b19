//! The ways to spell what a regular expression fits, as far as it spells anything out.

use std::iter::Peekable;
use std::str::Chars;

/// What stands at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// This character.
    Char(char),
    /// One digit.
    Digit,
    /// One character.
    Any,
    /// Anything, or nothing.
    Gap,
    /// Nothing is in front of it.
    Start,
}

/// One way to spell it.
type Spelling = Vec<Item>;

/// The most ways to spell one expression, and the most items of all of them.
const SPELLINGS_MAX: usize = 32;
const ITEMS_MAX: usize = 8_192;
/// How deep groups may lie in each other.
const DEPTH_MAX: usize = 16;
/// The most characters of a class that are told apart.
const CLASS_MAX: usize = 4;

/// All ways to spell an expression, and whether they fit more than it does.
///
/// # Errors
/// What cannot be spelt.
pub(super) fn spell(expression: &str) -> Result<(Vec<Spelling>, bool), String> {
    let mut reader = Reader { rest: expression.chars().peekable(), depth: 0, is_wider: false };
    let spellings = reader.alternatives()?;
    match reader.rest.next() {
        None => Ok((spellings, reader.is_wider)),
        Some(stray) => Err(format!("`{stray}` closes nothing in it")),
    }
}

struct Reader<'e> {
    rest: Peekable<Chars<'e>>,
    depth: usize,
    is_wider: bool,
}

impl Reader<'_> {
    /// What stands between two brackets, or all of it.
    fn alternatives(&mut self) -> Result<Vec<Spelling>, String> {
        let mut all = Vec::new();
        loop {
            all.extend(self.sequence()?);
            if all.len() > SPELLINGS_MAX {
                return Err(too_many());
            }
            if self.rest.next_if_eq(&'|').is_none() {
                return Ok(all);
            }
        }
    }

    fn sequence(&mut self) -> Result<Vec<Spelling>, String> {
        let mut all = vec![Vec::new()];
        while self.rest.peek().is_some_and(|next| !matches!(next, '|' | ')')) {
            let part = self.part()?;
            let part = self.repeated(part)?;
            let longer = all.iter().flat_map(|start: &Spelling| {
                part.iter().map(move |end| [start.as_slice(), end].concat())
            });
            all = longer.collect();
            let items: usize = all.iter().map(Vec::len).sum();
            if all.len() > SPELLINGS_MAX || items > ITEMS_MAX {
                return Err(too_many());
            }
        }
        Ok(all)
    }

    /// One character, class or group.
    fn part(&mut self) -> Result<Vec<Spelling>, String> {
        let one = |item| Ok(vec![vec![item]]);
        match self.rest.next() {
            None => Err("it ends in the middle".to_owned()),
            Some('.') => one(Item::Any),
            Some('^') => one(Item::Start),
            Some('$') => {
                self.is_wider = true;
                Ok(vec![Vec::new()])
            }
            Some('[') => self.class(),
            Some('(') => self.group(),
            Some('\\') => self.escaped(),
            Some('*' | '+' | '?') => Err("it repeats nothing".to_owned()),
            Some(plain) if plain.is_control() => one(Item::Char(' ')),
            Some(plain) => one(Item::Char(plain)),
        }
    }

    /// The same with what stands behind it: `?`, `*`, `+`, `{2,3}`.
    fn repeated(&mut self, part: Vec<Spelling>) -> Result<Vec<Spelling>, String> {
        let spelt = match self.rest.peek() {
            Some('?') => [vec![Vec::new()], part].concat(),
            Some('*') => self.any_number(&part),
            Some('+') => {
                let open = self.any_number(&part);
                let first = part.into_iter().filter(|spelling| *spelling != [Item::Any]);
                let longer = first.map(|first| [first, open[0].clone()].concat());
                let longer: Vec<_> = longer.collect();
                if longer.is_empty() { open } else { longer }
            }
            Some('{') => {
                let bounds: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                let fits = bounds[1..].chars().all(|c| c.is_ascii_digit() || c == ',');
                if bounds.len() < 2 || !fits {
                    return Err("`{` has to be written `\\{` where it means itself".to_owned());
                }
                self.is_wider = true;
                return Ok(vec![vec![Item::Gap]]);
            }
            _ => return Ok(part),
        };
        self.rest.next();
        // However greedy it is.
        while self.rest.next_if(|next| matches!(next, '?' | '+')).is_some() {}
        Ok(spelt)
    }

    /// Any number of something: a gap, of which no more is known.
    fn any_number(&mut self, part: &[Spelling]) -> Vec<Spelling> {
        let is_open = |spelling: &Spelling| matches!(spelling[..], [Item::Any | Item::Char(' ')]);
        self.is_wider |= !part.iter().all(is_open);
        vec![vec![Item::Gap]]
    }

    fn group(&mut self) -> Result<Vec<Spelling>, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it has groups more than {DEPTH_MAX} deep"));
        }
        if self.rest.next_if_eq(&'?').is_some() {
            self.group_kind()?;
        }
        let inside = self.alternatives()?;
        self.depth -= 1;
        match self.rest.next() {
            Some(')') => Ok(inside),
            _ => Err("a `(` in it is not closed".to_owned()),
        }
    }

    /// What stands behind `(?`.
    fn group_kind(&mut self) -> Result<(), String> {
        let refused = || Err("it looks ahead or behind, or sets what words cannot".to_owned());
        match self.rest.next() {
            Some(':') => Ok(()),
            // Words are found whatever their case.
            Some('i') => match self.rest.peek() {
                Some(')') => Ok(()),
                Some(':') => self.rest.next().map_or(Ok(()), |_| Ok(())),
                _ => refused(),
            },
            Some('P' | '<') => {
                let name: String = self.rest.by_ref().take_while(|c| *c != '>').collect();
                if name.starts_with(['=', '!']) { refused() } else { Ok(()) }
            }
            _ => refused(),
        }
    }

    fn escaped(&mut self) -> Result<Vec<Spelling>, String> {
        let one = |item| Ok(vec![vec![item]]);
        match self.rest.next() {
            None => Err("it ends in the middle".to_owned()),
            Some('d') => one(Item::Digit),
            Some('w' | 'D' | 'S' | 'W') => one(Item::Any),
            Some('s' | 't' | 'n' | 'r') => one(Item::Char(' ')),
            Some('b' | 'B' | 'A' | 'z' | 'Z') => {
                self.is_wider = true;
                Ok(vec![Vec::new()])
            }
            Some(other) if other.is_alphanumeric() => {
                Err(format!("words cannot say what `\\{other}` in it does"))
            }
            Some(plain) => one(Item::Char(plain)),
        }
    }

    /// A class that names few characters stands for each of them.
    fn class(&mut self) -> Result<Vec<Spelling>, String> {
        let is_not = self.rest.next_if_eq(&'^').is_some();
        let mut named: Vec<(char, char)> = Vec::new();
        loop {
            let first = match self.rest.next() {
                None => return Err("a `[` in it is not closed".to_owned()),
                Some(']') if !named.is_empty() => break,
                Some('\\') => match self.rest.next() {
                    Some('d') => {
                        named.push(('0', '9'));
                        continue;
                    }
                    Some(plain) if !plain.is_alphanumeric() => plain,
                    _ => {
                        named.push((char::MIN, char::MAX));
                        continue;
                    }
                },
                Some(plain) => plain,
            };
            let mut ahead = self.rest.clone();
            let last = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(last)) if last != ']' => {
                    self.rest = ahead;
                    last
                }
                _ => first,
            };
            named.push((first, last));
        }
        Ok(spelt(is_not, &named))
    }
}

fn spelt(is_not: bool, named: &[(char, char)]) -> Vec<Spelling> {
    if !is_not && named == [('0', '9')] {
        return vec![vec![Item::Digit]];
    }
    let each = named.iter().flat_map(|(first, last)| (*first..=*last).take(CLASS_MAX + 1));
    let mut each: Vec<char> = each.map(|c| c.to_ascii_lowercase()).collect();
    each.sort_unstable();
    each.dedup();
    if is_not || each.is_empty() || each.len() > CLASS_MAX {
        return vec![vec![Item::Any]];
    }
    each.into_iter().map(|c| vec![Item::Char(c)]).collect()
}

fn too_many() -> String {
    format!("it can be spelt in more than {SPELLINGS_MAX} ways")
}
