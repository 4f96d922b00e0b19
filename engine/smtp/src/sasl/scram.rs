//! SCRAM-SHA-256: the peer proves that it knows the password, and we that we know its keys.
//!
//! ```text
//!  C  n,,n=user,r=CLIENT                          First
//!  S  r=CLIENTserver,s=salt,i=4096                Offer
//!  C  c=biws,r=CLIENTserver,p=proof
//!  S  v=signature
//!  C  (nothing)
//! ```
//!
//! Channel binding (`-PLUS`) is not offered: a client that asks for it is refused, one that
//! only could do it is not. [RFC 5802 §6](https://www.rfc-editor.org/rfc/rfc5802#section-6)

use super::keys::{HASH_BYTES, Hash, Keys, sign};
use super::{Fault, name};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The longest nonce of a client.
const NONCE_BYTES_MAX: usize = 256;

/// What the client said first.
pub(super) struct First {
    /// Everything before its name: what it thinks of channel binding, and whom it acts for.
    header: Box<str>,
    /// The rest: it is part of what both sides sign.
    bare: Box<str>,
    /// Its nonce and ours.
    nonce: Box<str>,
}

impl First {
    /// Takes it apart; who it says it is comes with it.
    pub(super) fn parse(message: &[u8], nonce: &str) -> Result<(Box<str>, Self), Fault> {
        let message = std::str::from_utf8(message).map_err(|_| Fault::Malformed)?;
        let (binding, rest) = message.split_once(',').ok_or(Fault::Malformed)?;
        let (acts_for, bare) = rest.split_once(',').ok_or(Fault::Malformed)?;
        match binding {
            "n" | "y" => {}
            binding if binding.starts_with("p=") => return Err(Fault::Denied),
            _ => return Err(Fault::Malformed),
        }
        // Extensions we do not know may follow; one that must be understood (`m=`) comes first.
        let mut attributes = bare.split(',');
        let own = attributes.next().and_then(|text| text.strip_prefix("n="));
        let own = user(own.ok_or(Fault::Malformed)?)?;
        let theirs = attributes.next().and_then(|text| text.strip_prefix("r="));
        let theirs = theirs.filter(|nonce| is_nonce(nonce)).ok_or(Fault::Malformed)?;
        if let Some(other) = acts_for.strip_prefix("a=") {
            if user(other)? != own {
                return Err(Fault::Denied);
            }
        } else if !acts_for.is_empty() {
            return Err(Fault::Malformed);
        }
        let header = format!("{binding},{acts_for},").into();
        let nonce = format!("{theirs}{nonce}").into();
        Ok((own, Self { header, bare: bare.into(), nonce }))
    }

    /// What we answer to somebody with these keys.
    pub(super) fn offer(self, keys: &Keys) -> Offer {
        let message = format!("r={},s={},i={}", self.nonce, keys.salt(), keys.iterations());
        Offer { first: self, message, stored: keys.stored, server: keys.server }
    }
}

/// What we said, and what will show that the client knows its password.
pub(super) struct Offer {
    first: First,
    message: String,
    stored: Hash,
    server: Hash,
}

impl Offer {
    pub(super) fn message(&self) -> &[u8] {
        self.message.as_bytes()
    }

    /// Our signature, if the client's proof is one.
    ///
    /// [RFC 5802 §3](https://www.rfc-editor.org/rfc/rfc5802#section-3): the proof is the client's
    /// key under a signature that only its stored key can make.
    pub(super) fn verify(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let message = std::str::from_utf8(message).map_err(|_| Fault::Malformed)?;
        let (bare, proof) = message.rsplit_once(",p=").ok_or(Fault::Malformed)?;
        let mut attributes = bare.split(',');
        let header = attributes.next().and_then(|text| text.strip_prefix("c="));
        let nonce = attributes.next().and_then(|text| text.strip_prefix("r="));
        let (Some(header), Some(nonce)) = (header, nonce) else { return Err(Fault::Malformed) };
        let proof = STANDARD.decode(proof).map_err(|_| Fault::Malformed)?;
        let proof = Hash::try_from(proof).map_err(|_| Fault::Malformed)?;
        if nonce != &*self.first.nonce || header != STANDARD.encode(self.first.header.as_bytes()) {
            return Err(Fault::Denied);
        }
        let signed: [&[u8]; 5] =
            [self.first.bare.as_bytes(), b",", self.message.as_bytes(), b",", bare.as_bytes()];
        let mut client = sign(&self.stored, &signed);
        client.iter_mut().zip(proof).for_each(|(key, proof)| *key ^= proof);
        const { assert!(HASH_BYTES == size_of::<Hash>(), "both sides of the exclusive or end") };
        if !bool::from(Sha256::digest(client).as_slice().ct_eq(&self.stored)) {
            return Err(Fault::Denied);
        }
        Ok(format!("v={}", STANDARD.encode(sign(&self.server, &signed))).into_bytes())
    }
}

/// A name in which `=2C` is a comma and `=3D` an equals sign, and no other `=` stands.
///
/// [RFC 5802 §5.1](https://www.rfc-editor.org/rfc/rfc5802#section-5.1)
fn user(text: &str) -> Result<Box<str>, Fault> {
    let mut parts = text.split('=');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = if let Some(rest) = part.strip_prefix("2C") {
            (',', rest)
        } else {
            ('=', part.strip_prefix("3D").ok_or(Fault::Malformed)?)
        };
        plain.push(sign);
        plain.push_str(rest);
    }
    name(plain.as_bytes())
}

/// Printable, without a comma: the split has seen to that.
fn is_nonce(text: &str) -> bool {
    let printable = |byte: u8| byte.is_ascii_graphic();
    (1..=NONCE_BYTES_MAX).contains(&text.len()) && text.bytes().all(printable)
}
