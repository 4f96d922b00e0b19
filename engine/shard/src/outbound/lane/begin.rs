//! What a peer is told of a message, apart from its text.

use super::Lane;
use crate::outbound::text::Transfer;
use crate::outbound::wire;
use kernel::Kernel;
use smallvec::SmallVec;
use smtp::client::{self, Body, Notify};
use spool::{Envelope, Form, Label, Request};
use std::sync::Arc;

impl<K: Kernel> Lane<K> {
    pub(super) fn begin(&mut self, transfer: Transfer) {
        self.tell_session(&transfer);
        let message = Arc::clone(&transfer.message);
        let mut requests = message.envelope.requests();
        let recipients: SmallVec<[client::Recipient<'_>; 4]> = transfer
            .delivery
            .recipients
            .iter()
            .map(|&recipient| {
                asked(message.envelope.recipient(recipient), requests.about(recipient))
            })
            .collect();
        let size = wire::size(&transfer);
        let envelope = client::Envelope {
            sender: message.envelope.sender(),
            recipients: &recipients,
            size: size.octets,
            counted: size.counted,
            body: body(&message.envelope),
            utf8: message.envelope.utf8(),
            requiretls: message.envelope.requiretls(),
            ret: message.envelope.returned().map(|what| match what {
                spool::Return::Full => client::Ret::Full,
                spool::Return::Headers => client::Ret::Headers,
            }),
            envid: message.envelope.label(Label::Envid).unwrap_or_default(),
        };
        if let Some((transfer, verdicts)) = self.session.begin(Box::new(transfer), envelope) {
            self.conclude(*transfer, verdicts);
        }
    }
}

/// A recipient, and what its sender asked about it.
fn asked<'a>(path: &'a [u8], request: Request<'a>) -> client::Recipient<'a> {
    let notify = request.notify.and_then(|notify| {
        let words = [
            (notify.success, Notify::SUCCESS),
            (notify.failure, Notify::FAILURE),
            (notify.delay, Notify::DELAY),
        ];
        let bits = words.into_iter().filter(|(said, _)| *said).map(|(_, word)| word.bits());
        Notify::from_bits(bits.sum())
    });
    client::Recipient { path, notify, original: request.original }
}

fn body(envelope: &Envelope) -> Body {
    match envelope.form() {
        Form::Raw { binary: true, .. } => Body::Binary,
        _ if envelope.eight_bit() => Body::EightBit,
        _ => Body::SevenBit,
    }
}
