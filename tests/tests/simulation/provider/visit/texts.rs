//! The text of a message, by DATA or by BDAT.

use super::{Answer, Envelope, Visit};
use crate::chance::Chance;
use crate::provider::{Say, Stage};
use loadgen::sink::Output;
use std::io;

impl Visit<'_> {
    pub(super) async fn data(&mut self, line: &[u8]) -> io::Result<Answer> {
        let Some(envelope) = self.envelope.take() else { return Ok(self.step(line)) };
        if envelope.recipients.is_empty() {
            return self.data_to_nobody(line).await;
        }
        let said = self.provider.decide(Stage::Data, self.is_bounce(&envelope));
        let answer = self.answer(said, Stage::Data, line).await?;
        if answer.0 != 354 {
            self.turn_down(&envelope.recipients, answer.0);
            return Ok(answer);
        }
        if let Some(said) = self.provider.interrupts(self.is_bounce(&envelope)) {
            return self.interrupt(&envelope, said).await;
        }
        let mut text = self.ask_for_text().await?;
        let len = text.len();
        text.extend_from_slice(b".\r\n");
        self.text(&envelope, &text, &text[..len]).await
    }

    /// Says no before the end of a text, and what comes of it then is for nobody. A relay that
    /// sends it in parts goes away.
    async fn interrupt(&mut self, envelope: &Envelope, said: Say) -> io::Result<Answer> {
        self.ask().await?;
        self.dialogue.something().await?;
        let (code, _) = self.answer(said, Stage::Final, b"").await?;
        self.turn_down(&envelope.recipients, code);
        self.flush().await?;
        let text = [self.dialogue.text().await?, b".\r\n".to_vec()].concat();
        // The session knows nothing of it, and takes the text.
        let (_, after) = self.step(&text);
        self.output.replies.truncate(self.said);
        Ok((code, after))
    }

    /// All of a text in one chunk.
    pub(super) async fn chunk(&mut self, line: &[u8]) -> io::Result<Answer> {
        let words = String::from_utf8_lossy(line).into_owned();
        let len =
            words.trim_end().strip_prefix("BDAT ").and_then(|rest| rest.strip_suffix(" LAST"));
        let Some(len) = len.and_then(|len| len.parse().ok()) else {
            self.violation("sent another chunk than the last", line);
            return Ok(self.step(line));
        };
        let octets = self.dialogue.octets(len).await?;
        let input = [line, &octets].concat();
        // It was sent ahead, and whoever it was for has been refused meanwhile: MAIL or all RCPT.
        let Some(envelope) = self.envelope.take_if(|envelope| !envelope.recipients.is_empty())
        else {
            self.unclear |= self.envelope.take().is_some();
            return Ok(self.step(&input));
        };
        let text = if envelope.binary { octets } else { wire(&octets) };
        let answer = self.text(&envelope, &input, &text).await?;
        self.unclear = answer.0 != 250;
        Ok(answer)
    }

    /// Some say 354 all the same, and no behind the final dot.
    ///
    /// [RFC 2920 §3.1](https://www.rfc-editor.org/rfc/rfc2920#section-3.1)
    async fn data_to_nobody(&mut self, line: &[u8]) -> io::Result<Answer> {
        let refused = self.step(line);
        if self.provider.sim.one_in(2) {
            return Ok(refused);
        }
        self.session.step(b"RSET\r\n", self.now(), &mut Output::default());
        self.output.replies.truncate(self.said);
        self.reply("354 go ahead");
        let text = self.ask_for_text().await?;
        if !text.is_empty() {
            self.violation("sent text to nobody", &text);
        }
        Ok(self.reply("554 5.5.1 no valid recipients"))
    }

    async fn ask_for_text(&mut self) -> io::Result<Vec<u8>> {
        self.ask().await?;
        self.dialogue.text().await
    }

    async fn ask(&mut self) -> io::Result<()> {
        if !self.pipelining && !self.dialogue.is_drained() {
            self.violation("sent text before it was asked for", b"");
        }
        self.flush().await
    }

    /// Judges a text; `input` is what the session sees of it.
    async fn text(&mut self, envelope: &Envelope, input: &[u8], text: &[u8]) -> io::Result<Answer> {
        let said = self.provider.decide(Stage::Final, self.is_bounce(envelope));
        let (mut code, after) = self.step(input);
        let keeps = said == Say::Yes || (said == Say::Drop && self.provider.sim.one_in(2));
        if keeps && code == 250 {
            self.take(envelope, text);
        }
        if said != Say::Yes {
            self.output.replies.truncate(self.said);
            (code, _) = self.answer(said, Stage::Final, b"").await?;
        }
        self.turn_down(&envelope.recipients, code);
        Ok((code, after))
    }
}

/// Lines as DATA would carry them.
fn wire(text: &[u8]) -> Vec<u8> {
    let dotted = |line: &[u8]| if line.starts_with(b".") { &b"."[..] } else { b"" }.to_vec();
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| [dotted(line), line.to_vec()].concat()).collect()
}
