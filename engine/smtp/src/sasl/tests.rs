use super::{
    Exchange, Fault, Keys, Login, MESSAGE_BYTES_MAX, Mechanism, Next, Secret, decode, keys::sign,
    name, password,
};
use crate::command::Command;
use crate::server::Sasl;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The server's half of the nonce in the RFC's example.
const RFC_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

fn exchange(mechanism: Mechanism) -> Exchange {
    Exchange::new(mechanism, RFC_NONCE)
}

fn in_base64(text: &str) -> Vec<u8> {
    STANDARD.encode(text).into_bytes()
}

fn said(next: Result<Next, Fault>) -> String {
    match next {
        Ok(Next::Challenge(text)) => String::from_utf8(text).unwrap(),
        other => panic!("no challenge: {other:?}"),
    }
}

fn login(name: &str, password: &str) -> Next {
    Next::Check(Login { name: name.into(), password: Secret::new(password.as_bytes()) })
}

/// The keys of user `user`, password `pencil`, in RFC 7677.
fn rfc_keys() -> Keys {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    Keys::derive(&password(b"pencil").unwrap(), &salt, 4_096)
}

/// [RFC 4616 §4](https://www.rfc-editor.org/rfc/rfc4616#section-4)
#[test]
fn plain_is_read_as_in_its_rfc() {
    let example = in_base64("\0tim\0tanstaaftanstaaf");
    assert_eq!(
        exchange(Mechanism::Plain).begin(Some(&example)),
        Ok(login("tim", "tanstaaftanstaaf"))
    );
    // Asked for first, answered then.
    let mut later = exchange(Mechanism::Plain);
    assert_eq!(said(later.begin(None)), "");
    assert_eq!(later.answer(&example), Ok(login("tim", "tanstaaftanstaaf")));
    // Kurt wants to act for Ursel, which is nobody's right here.
    let other = in_base64("Ursel\0Kurt\0xipj3plmq");
    assert_eq!(exchange(Mechanism::Plain).begin(Some(&other)), Err(Fault::Denied));
    let same = in_base64("Kurt\0Kurt\0xipj3plmq");
    assert_eq!(exchange(Mechanism::Plain).begin(Some(&same)), Ok(login("Kurt", "xipj3plmq")));
}

#[test]
fn what_is_not_plain_is_refused() {
    let long = format!("\0{}\0p", "n".repeat(256));
    let secret = format!("\0n\0{}", "p".repeat(1_025));
    let cases = [
        ("", Fault::Malformed),
        ("tim", Fault::Malformed),
        ("\0tim", Fault::Malformed),
        ("\0tim\0pass\0word", Fault::Malformed),
        ("\0\0password", Fault::Denied),
        ("\0tim\0", Fault::Denied),
        ("\0t\rim\0password", Fault::Denied),
        ("\0tim\0pass\nword", Fault::Denied),
        ("\0tim\0pass\u{200e}word", Fault::Denied),
        (&long, Fault::Denied),
        (&secret, Fault::Denied),
    ];
    for (text, fault) in cases {
        let line = in_base64(text);
        let initial = if line.is_empty() { &b"="[..] } else { &line };
        assert_eq!(exchange(Mechanism::Plain).begin(Some(initial)), Err(fault), "{text:?}");
    }
    let latin = STANDARD.encode(b"\0tim\0gr\xfc\xdfe");
    assert_eq!(exchange(Mechanism::Plain).begin(Some(latin.as_bytes())), Err(Fault::Denied));
}

#[test]
fn login_asks_in_its_drafts_words() {
    let mut asked = exchange(Mechanism::Login);
    assert_eq!(said(asked.begin(None)), "Username:");
    assert_eq!(said(asked.answer(&in_base64("tim"))), "Password:");
    assert_eq!(asked.answer(&in_base64("secret")), Ok(login("tim", "secret")));
    // Some clients give the name at once.
    let mut eager = exchange(Mechanism::Login);
    assert_eq!(said(eager.begin(Some(&in_base64("tim")))), "Password:");
    assert_eq!(eager.answer(&in_base64("secret")), Ok(login("tim", "secret")));
    assert_eq!(exchange(Mechanism::Login).begin(Some(b"=")), Err(Fault::Denied));
}

/// [RFC 7677 §3](https://www.rfc-editor.org/rfc/rfc7677#section-3)
#[test]
fn scram_speaks_the_rfcs_example() {
    let mut scram = exchange(Mechanism::ScramSha256);
    let first = in_base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_eq!(scram.begin(Some(&first)), Ok(Next::Look("user".into())));
    assert_eq!(
        String::from_utf8(scram.keys(&rfc_keys())).unwrap(),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let proof = in_base64(
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    );
    assert_eq!(said(scram.answer(&proof)), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_eq!(scram.answer(b""), Ok(Next::Proved));
}

#[test]
fn scram_refuses_what_is_not_its_first_message() {
    let nonce = format!("n,,n=user,r={}", "x".repeat(257));
    let cases = [
        ("n=user,r=abc", Fault::Malformed),
        ("x,,n=user,r=abc", Fault::Malformed),
        ("p=tls-exporter,,n=user,r=abc", Fault::Denied),
        ("n,a=other,n=user,r=abc", Fault::Denied),
        ("n,other,n=user,r=abc", Fault::Malformed),
        ("n,,m=must,n=user,r=abc", Fault::Malformed),
        ("n,,n=user", Fault::Malformed),
        ("n,,r=abc,n=user", Fault::Malformed),
        ("n,,n=us=er,r=abc", Fault::Malformed),
        ("n,,n=us=2cer,r=abc", Fault::Malformed),
        ("n,,n=,r=abc", Fault::Denied),
        ("n,,n=user,r=", Fault::Malformed),
        ("n,,n=user,r=a b", Fault::Malformed),
        (&nonce, Fault::Malformed),
    ];
    for (text, fault) in cases {
        let line = in_base64(text);
        let mut scram = exchange(Mechanism::ScramSha256);
        assert_eq!(scram.begin(Some(&line)), Err(fault), "{text:?}");
    }
    for (text, user) in [("y,a=a=2Cb,n=a=2Cb,r=abc,x=more", "a,b"), ("n,,n==3D=3D2C,r=abc", "==2C")]
    {
        let mut scram = exchange(Mechanism::ScramSha256);
        assert_eq!(scram.begin(Some(&in_base64(text))), Ok(Next::Look(user.into())), "{text:?}");
    }
}

/// The last message of a client that holds `keys_password`, and what is done to it.
fn proof(keys_password: &str, change: impl Fn(String) -> String) -> Result<Next, Fault> {
    let mut scram = exchange(Mechanism::ScramSha256);
    let first = "n=user,r=abc";
    scram.begin(Some(&in_base64(&format!("n,,{first}")))).unwrap();
    let offer = String::from_utf8(scram.keys(&rfc_keys())).unwrap();
    let bare = format!("c=biws,r=abc{RFC_NONCE}");
    let mut salted = [0; 32];
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    pbkdf2::pbkdf2_hmac::<Sha256>(keys_password.as_bytes(), &salt, 4_096, &mut salted);
    let client = sign(&salted, &[b"Client Key"]);
    let signed = format!("{first},{offer},{bare}");
    let mut proof = sign(&Sha256::digest(client), &[signed.as_bytes()]);
    proof.iter_mut().zip(client).for_each(|(byte, key)| *byte ^= key);
    scram.answer(&in_base64(&change(format!("{bare},p={}", STANDARD.encode(proof)))))
}

#[test]
fn scram_takes_only_the_right_proof() {
    assert!(said(proof("pencil", |line| line)).starts_with("v="));
    assert_eq!(proof("pencils", |line| line), Err(Fault::Denied), "a wrong password");
    let changes = [
        ("c=biws", "c=eSws", Fault::Denied),
        ("r=abc", "r=abd", Fault::Denied),
        ("c=biws,", "", Fault::Malformed),
        (",p=", ",q=", Fault::Malformed),
        ("k0,p=", "k0,x=1,p=", Fault::Denied),
    ];
    for (from, to, fault) in changes {
        let outcome = proof("pencil", |line| {
            assert!(line.contains(from), "{line}");
            line.replacen(from, to, 1)
        });
        assert_eq!(outcome, Err(fault), "{from} became {to}");
    }
    let short = |line: String| line[..line.len() - 4].to_owned();
    assert_eq!(proof("pencil", short), Err(Fault::Malformed), "a short proof");
}

#[test]
fn after_scrams_signature_only_consent_is_heard() {
    let mut scram = exchange(Mechanism::ScramSha256);
    scram.begin(Some(&in_base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))).unwrap();
    let _ = scram.keys(&rfc_keys());
    scram
        .answer(&in_base64(
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        ))
        .unwrap();
    assert_eq!(scram.answer(&in_base64("x")), Err(Fault::Malformed));
}

#[test]
fn made_up_keys_look_real_and_stay_the_same() {
    let real = rfc_keys();
    let made_up = Keys::made_up(Some(&real), b"seed of nobody");
    assert_eq!(made_up, Keys::made_up(Some(&real), b"seed of nobody"));
    assert_ne!(made_up.salt(), Keys::made_up(Some(&real), b"seed of somebody").salt());
    assert_ne!(made_up.salt(), real.salt());
    assert_eq!(made_up.salt().len(), real.salt().len());
    assert_eq!(made_up.iterations(), real.iterations());
}

#[test]
fn keys_are_written_and_read_as_rfc_5803_has_them() {
    let text = rfc_keys().to_string();
    assert!(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"), "{text}");
    assert_eq!(Keys::parse(&text), Some(rfc_keys()));
    let wrong = [
        text.replace("SHA-256", "SHA-1"),
        text.replace("$4096", "$4095"),
        text.replace("$4096", "$04096"),
        text.replace("$4096", "$+4096"),
        text.replace("$4096", "$10000001"),
        text.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "W22Z"),
        text.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6gQ"),
        text[..text.len() - 4].to_owned(),
        text.replacen('$', "", 2),
    ];
    for text in wrong {
        assert_eq!(Keys::parse(&text), None, "{text}");
    }
}

/// [RFC 4013 §3](https://www.rfc-editor.org/rfc/rfc4013#section-3)
#[test]
fn names_are_prepared() {
    let cases = [
        ("I\u{ad}X", Some("IX")),
        ("user", Some("user")),
        ("USER", Some("USER")),
        ("\u{aa}", Some("a")),
        ("\u{2168}", Some("IX")),
        ("\u{7}", None),
        ("\u{627}1", None),
        ("gru\u{308}n", Some("gr\u{fc}n")),
        ("\u{ad}", None),
    ];
    for (text, prepared) in cases {
        assert_eq!(name(text.as_bytes()).ok().as_deref(), prepared, "{text:?}");
    }
}

#[test]
fn base64_has_one_spelling_and_a_limit() {
    assert_eq!(decode(b""), Ok(Vec::new()));
    assert_eq!(decode(b"dGlt"), Ok(b"tim".to_vec()));
    for wrong in [&b"dGl"[..], b"dGltcw", b"dGltcx==", b"dG lt", b"dGlt\r", b"*", b"dGlt===="] {
        assert_eq!(decode(wrong), Err(Fault::Malformed), "{wrong:?}");
    }
    let full = STANDARD.encode(vec![0; MESSAGE_BYTES_MAX]);
    assert!(decode(full.as_bytes()).is_ok());
    assert_eq!(decode(format!("{full}AAAA").as_bytes()), Err(Fault::Malformed));
}

#[test]
fn secrets_are_stars() {
    let Next::Check(login) = login("tim", "canary") else { unreachable!() };
    assert_eq!(format!("{login:?}"), "Login { name: \"tim\", password: *** }");
    let said = Command::parse(b"AUTH PLAIN canary=").unwrap();
    let answer = Sasl::Answer(b"canary=");
    let shown = format!("{said:?} {answer:?}");
    assert_eq!(shown, "Auth(Begin(Some(Plain), ***)) Answer(***)");
    let shown = format!("{:?} {:?}", rfc_keys(), exchange(Mechanism::ScramSha256));
    assert_eq!(shown, "Keys(***) Exchange");
}
