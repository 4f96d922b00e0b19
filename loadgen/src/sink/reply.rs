//! Every line a provider says when it says no. All of them can be changed in its profile.

use serde::{Deserialize, Deserializer, de};
use std::str::FromStr;

/// A refusal: a code, an enhanced code and a text, of one line or several.
///
/// Written as its first line goes over the wire, such as `"421 4.7.0 Try again later"`; further
/// lines of a TOML string are further lines of the reply. `{hostname}`, `{source}` (the
/// sender's address) and `{domain}` (whose quota is spent) are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: String,
    lines: Vec<String>,
}

/// What the marks in a text stand for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filling<'f> {
    /// For `{hostname}`.
    pub hostname: &'f str,
    /// For `{source}`.
    pub source: &'f str,
    /// For `{domain}`.
    pub domain: &'f str,
}

/// Longest line of a reply, with code and CRLF.
///
/// [RFC 5321 §4.5.3.1.5](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.5)
const LINE_MAX: usize = 512;

impl Reply {
    /// Its code, 400 to 599.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// Whether it says never, not later.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Whether the connection ends with it.
    ///
    /// [RFC 5321 §3.8](https://www.rfc-editor.org/rfc/rfc5321#section-3.8)
    #[must_use]
    pub const fn hangs_up(&self) -> bool {
        self.code == 421
    }

    /// Appends it.
    pub fn say(&self, filling: Filling<'_>, out: &mut Vec<u8>) {
        let last = self.lines.len() - 1;
        for (number, line) in self.lines.iter().enumerate() {
            let text = line
                .replace("{hostname}", filling.hostname)
                .replace("{source}", filling.source)
                .replace("{domain}", filling.domain);
            let joint = if number == last { ' ' } else { '-' };
            let Self { code, enhanced, .. } = self;
            out.extend_from_slice(format!("{code}{joint}{enhanced}{text}\r\n").as_bytes());
        }
    }
}

impl FromStr for Reply {
    type Err = String;
    fn from_str(written: &str) -> Result<Self, String> {
        let refused = |why: &str| format!("`{written}` is no reply: {why}");
        let (code, text) = written.split_once(' ').ok_or_else(|| {
            refused("give a code and a text, such as `450 4.2.1 try again later`")
        })?;
        let code = code.parse().ok().filter(|code| (400..600).contains(code));
        let code = code.ok_or_else(|| refused("its code must be 4xx or 5xx"))?;
        let enhanced = text.split_once(' ').filter(|(word, _)| is_enhanced(word));
        let class = |word: &str| word.as_bytes()[0] == written.as_bytes()[0];
        if enhanced.is_some_and(|(word, _)| !class(word)) {
            return Err(refused("code and enhanced code must be of one class"));
        }
        let (enhanced, text) = enhanced.map_or(("", text), |(word, rest)| (word, rest));
        let enhanced = if enhanced.is_empty() { String::new() } else { format!("{enhanced} ") };
        let lines: Vec<_> =
            text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
        if lines.is_empty() || lines.iter().any(|line| line.is_empty() || line.contains('\r')) {
            return Err(refused("a line of it is empty"));
        }
        if lines.iter().any(|line| line.len() + enhanced.len() + 6 > LINE_MAX) {
            return Err(refused("a line of it is longer than 512 bytes"));
        }
        Ok(Self { code, enhanced, lines })
    }
}

/// `class.subject.detail`.
///
/// [RFC 2034 §3](https://www.rfc-editor.org/rfc/rfc2034#section-3)
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(de::Error::custom)
    }
}

/// What is said in which case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Replies {
    /// To the share of recipients that is deferred.
    pub defer: Reply,
    /// To the share of recipients that is never taken.
    pub fail: Reply,
    /// To the command behind the last message a connection may bring.
    pub close: Reply,
    /// Instead of a greeting, when there are connections enough.
    pub crowd: Reply,
    /// To more messages, recipients or connections in a time than allowed.
    pub rate: Reply,
    /// To one recipient more than a message may have.
    pub recipients: Reply,
    /// To a recipient at another domain than the first one's.
    pub domains: Reply,
    /// To mail of a domain whose quota is spent.
    pub quota: Reply,
    /// To a source that is in poor repute.
    pub poor: Reply,
    /// To a source that is in no repute at all.
    pub blocked: Reply,
    /// To a triplet that is seen for the first time.
    pub greylist: Reply,
    /// To MAIL without TLS where TLS is demanded.
    pub tls: Reply,
}

impl Default for Replies {
    fn default() -> Self {
        let reply = |text: &str| text.parse().expect("the default replies are constants");
        Self {
            defer: reply(
                "450 4.2.1 The user you are trying to contact is receiving mail at a rate that \
                 prevents additional messages from being delivered; try again later",
            ),
            fail: reply("550 5.1.1 The email account that you tried to reach does not exist"),
            close: reply(
                "421 4.7.0 Max message per connection reached, closing transmission channel",
            ),
            crowd: reply("421 4.7.0 {hostname} Too many concurrent connections"),
            rate: reply("421 4.7.0 {hostname} Rate limit exceeded, try again later"),
            recipients: reply("452 4.5.3 Too many recipients"),
            domains: reply("451 4.3.0 Multiple destination domains per transaction is unsupported"),
            quota: reply("421 4.7.28 Unusual rate of mail from {domain}, try again later"),
            poor: reply("421 4.7.0 Messages from {source} temporarily deferred"),
            blocked: reply("554 5.7.1 Messages from {source} are not accepted"),
            greylist: reply("451 4.7.1 Greylisted, try again later"),
            tls: reply("530 5.7.0 Must issue a STARTTLS command first"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filling, Replies, Reply};

    #[test]
    fn every_line_carries_the_codes_and_the_marks_are_filled_in() {
        let reply: Reply = "421 4.7.28 {source} of\n{domain} at {hostname}\n".parse().unwrap();
        let mut out = Vec::new();
        reply.say(Filling { hostname: "mx.a", source: "127.0.0.9", domain: "b.example" }, &mut out);
        let said = "421-4.7.28 127.0.0.9 of\r\n421 4.7.28 b.example at mx.a\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), said);
        let plain: Reply = "450 Requested mail action not taken".parse().unwrap();
        let mut out = Vec::new();
        plain.say(Filling::default(), &mut out);
        assert_eq!(out, b"450 Requested mail action not taken\r\n");
        assert!(!plain.is_permanent() && !plain.hangs_up() && reply.hangs_up());
    }

    #[test]
    fn what_no_server_may_say_is_refused() {
        for (text, why) in [
            ("", "give a code and a text"),
            ("later", "give a code and a text"),
            ("250 ok", "4xx or 5xx"),
            ("4210 x", "4xx or 5xx"),
            ("450 5.1.1 mixed", "of one class"),
            ("450 4.2.1 ", "is empty"),
            ("450 4.2.1 a\n\nb", "is empty"),
            ("450 4.2.1 a\rb", "is empty"),
        ] {
            let refused = text.parse::<Reply>().unwrap_err();
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
        assert!(format!("450 {}", "x".repeat(510)).parse::<Reply>().is_err());
        drop(Replies::default());
    }
}
