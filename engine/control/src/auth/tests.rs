use super::{CHECKS_MAX, HashFault, Load, PasswordHash, User, Verifier, start};
use crate::Chore;
use policy::login::{Pass, Verdict};
use policy::source::{Domains, Source, Terms};
use smtp::sasl::{Keys, Login, Secret, password};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longer than any check takes on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(40);

/// "password", by the reference implementation, and cheap enough for a test.
const CHEAP: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
/// "password", by passlib.
const SCRYPT: &str =
    "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";

fn keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::derive(&password(b"password").unwrap(), b"eight...", 4_096)).clone()
}

fn user(name: &str, scram: Option<Keys>) -> User {
    let password = PasswordHash::parse(CHEAP).unwrap();
    User { name: name.into(), password, scram, terms: Terms::default() }
}

fn users() -> Vec<User> {
    vec![user("anna", Some(keys())), user("otto", None)]
}

fn service(users: Vec<User>) -> Verifier {
    let load = Load {
        file: PathBuf::from("/nowhere"),
        read: Box::new(move || Ok(users.clone())),
        told: Box::new(|_| ()),
    };
    start(load, 1).unwrap().0
}

fn ask(verifier: &Verifier, name: &str, password: &str) -> Receiver<Verdict> {
    let (post, verdict) = channel();
    let login = Login { name: name.into(), password: Secret::new(password.as_bytes()) };
    verifier.check(login, move |verdict| post.send(verdict).unwrap());
    verdict
}

/// Whom it proves; empty if the answer is no.
fn answer(verifier: &Verifier, name: &str, password: &str) -> String {
    match ask(verifier, name, password).recv_timeout(PATIENCE).unwrap() {
        Verdict::Granted(pass) => pass.user.name().to_owned(),
        Verdict::Wrong => String::new(),
        Verdict::Busy => panic!("a lone question is answered"),
    }
}

fn runs(verifier: &Verifier) -> u64 {
    verifier.counts().hash_runs.load(Ordering::Relaxed)
}

#[test]
fn hashes_of_other_makers_are_checked() {
    for text in [CHEAP, SCRYPT] {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(hash.verify(&Secret::new(b"password")), "{text}");
        assert!(!hash.verify(&Secret::new(b"passwore")), "{text}");
        assert_eq!(hash.text(), text);
    }
}

#[test]
fn our_own_hashes_are_read_back() {
    let secret = Secret::new("gr\u{fc}n".as_bytes());
    let hash = PasswordHash::argon2id(&secret).unwrap();
    assert!(hash.text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.text());
    assert!(PasswordHash::parse(hash.text()).unwrap().verify(&secret));
    assert_ne!(hash.text(), PasswordHash::argon2id(&secret).unwrap().text(), "salted");
}

#[test]
fn what_cannot_be_checked_is_refused_when_it_is_read() {
    let cases = [
        (CHEAP.replace("m=256", "m=262145"), HashFault::TooCostly),
        (CHEAP.replace("t=2", "t=65"), HashFault::TooCostly),
        (SCRYPT.replace("ln=16", "ln=19"), HashFault::TooCostly),
        (SCRYPT.replace("r=8", "r=64"), HashFault::TooCostly),
        (CHEAP.replace("argon2id", "argon2i"), HashFault::Algorithm),
        (CHEAP.replace("v=19", "v=16"), HashFault::Algorithm),
        (CHEAP.replace("argon2id", "pbkdf2-sha256"), HashFault::Algorithm),
        (CHEAP[..CHEAP.rfind('$').unwrap()].to_owned(), HashFault::Syntax),
        ("password".to_owned(), HashFault::Syntax),
        (String::new(), HashFault::Syntax),
    ];
    for (text, fault) in cases {
        assert_eq!(PasswordHash::parse(&text), Err(fault), "{text}");
    }
}

#[test]
fn only_the_right_password_is_granted() {
    let verifier = service(users());
    assert_eq!(answer(&verifier, "anna", "password"), "anna");
    assert_eq!(answer(&verifier, "otto", "password"), "otto");
    assert_eq!(answer(&verifier, "anna", "Password"), "");
    assert_eq!(answer(&verifier, "Anna", "password"), "", "names have a case");
}

#[test]
fn an_unknown_user_costs_as_many_hashes_as_a_known_one() {
    let verifier = service(users());
    for round in 1..=3 {
        assert_eq!(answer(&verifier, "anna", "wrong"), "");
        assert_eq!(runs(&verifier), 2 * round - 1, "a known one");
        // The stand-in has this password: that proves nothing.
        assert_eq!(answer(&verifier, "nobody", "password"), "");
        assert_eq!(runs(&verifier), 2 * round, "an unknown one");
    }
}

#[test]
fn what_was_right_is_remembered_and_what_was_wrong_is_not() {
    let verifier = service(users());
    for _ in 0..5 {
        assert_eq!(answer(&verifier, "anna", "password"), "anna");
    }
    assert_eq!(runs(&verifier), 1);
    assert_eq!(verifier.counts().remembered.load(Ordering::Relaxed), 4);
    // Somebody else's password is not this one's, and what is wrong stays so.
    assert_eq!(answer(&verifier, "otto", "passwore"), "");
    assert_eq!(answer(&verifier, "anna", "passwore"), "");
    assert_eq!(answer(&verifier, "anna", "passwore"), "");
    assert_eq!(runs(&verifier), 4);
    verifier.0.replace(users());
    assert_eq!(answer(&verifier, "anna", "password"), "anna");
    assert_eq!(runs(&verifier), 5, "a reload forgets");
}

#[test]
fn a_reload_takes_users_away_and_counts_on() {
    let verifier = service(users());
    let granted = |name| match ask(&verifier, name, "password").recv_timeout(PATIENCE).unwrap() {
        Verdict::Granted(pass) => pass.user,
        other => panic!("{other:?}"),
    };
    let (anna, otto): (Arc<Source>, _) = (granted("anna"), granted("otto"));
    let terms = Terms { sender_domains: Domains::new(["a.test".to_owned()]), ..Terms::default() };
    verifier.0.replace(vec![user("anna", None), User { terms, ..user("otto", None) }]);
    assert!(Arc::ptr_eq(&anna, &granted("anna")), "the same terms, the same counts");
    assert!(!Arc::ptr_eq(&otto, &granted("otto")), "other terms");
    verifier.0.replace(vec![user("otto", None)]);
    assert_eq!(answer(&verifier, "anna", "password"), "");
    verifier.0.replace(Vec::new());
    assert_eq!(answer(&verifier, "otto", "password"), "");
}

#[test]
fn a_pass_is_worth_what_its_user_is_now() {
    let verifier = service(users());
    let anna = verifier.vouched_for("anna").unwrap();
    let terms = |pass: Option<Pass>| pass.map(|pass| pass.user.terms().clone());
    let strict = Terms { sender_domains: Domains::new(["a.test".to_owned()]), ..Terms::default() };
    let now = User { terms: strict.clone(), ..user("anna", Some(keys())) };
    verifier.0.replace(vec![now.clone()]);
    assert_eq!(terms(verifier.renew(&anna)), Some(strict), "other terms");
    assert!(verifier.takes_scram());
    // A pass that was not looked at for long, and other ways to prove the same name.
    verifier.0.replace(vec![now.clone(), user("otto", None)]);
    assert!(verifier.renew(&anna).is_some());
    verifier.0.replace(vec![User { scram: None, ..now.clone() }]);
    assert!(verifier.renew(&anna).is_none(), "other keys");
    assert!(!verifier.takes_scram(), "nobody has any");
    let again = verifier.vouched_for("anna").unwrap();
    let password = PasswordHash::parse(SCRYPT).unwrap();
    verifier.0.replace(vec![User { password, scram: None, ..now }]);
    assert!(verifier.renew(&again).is_none(), "another password");
    let last = verifier.vouched_for("anna").unwrap();
    verifier.0.replace(Vec::new());
    assert!(verifier.renew(&last).is_none() && verifier.vouched_for("anna").is_none(), "gone");
    verifier.0.replace(users());
    assert!(verifier.renew(&last).is_none(), "gone and back is not the same");
    assert_eq!(verifier.renew(&verifier.vouched_for("otto").unwrap()).unwrap().edition, 6);
}

/// Two looks at the same change: a writer is not interrupted.
#[test]
fn a_file_is_read_again_when_it_has_come_to_rest() {
    let file = std::env::temp_dir().join(format!("ringpost-users-{}", std::process::id()));
    std::fs::write(&file, "anna").unwrap();
    let source = file.clone();
    let read = move || {
        let names = std::fs::read_to_string(&source).map_err(|error| error.to_string())?;
        Ok(names.split_whitespace().map(|name| user(name, None)).collect())
    };
    let load = Load { file: file.clone(), read: Box::new(read), told: Box::new(|_| ()) };
    let (verifier, Chore { mut work, .. }) = start(load, 1).unwrap();
    work();
    std::fs::write(&file, "anna otto").unwrap();
    work();
    assert!(!verifier.knows("otto"), "it may be half written");
    work();
    assert!(verifier.knows("otto"));
    std::fs::remove_file(&file).unwrap();
    work();
    work();
    assert!(verifier.knows("otto"), "what cannot be read changes nothing");
}

#[test]
fn one_check_too_many_is_put_off_at_once() {
    let verifier = service(users());
    let (go, gate) = channel::<()>();
    let (reached, inside) = channel();
    let login = Login { name: "anna".into(), password: Secret::new(b"wrong") };
    // The only thread is held up in the first answer.
    verifier.check(login, move |_| {
        reached.send(()).unwrap();
        let _ = gate.recv();
    });
    inside.recv_timeout(PATIENCE).unwrap();
    let waiting: Vec<_> = (0..CHECKS_MAX).map(|_| ask(&verifier, "anna", "wrong")).collect();
    let busy = ask(&verifier, "otto", "password").try_recv();
    assert!(matches!(busy, Ok(Verdict::Busy)), "{busy:?}");
    assert_eq!(verifier.counts().busy.load(Ordering::Relaxed), 1);
    drop(go);
    for verdict in waiting {
        assert!(matches!(verdict.recv_timeout(PATIENCE), Ok(Verdict::Wrong)));
    }
}

#[test]
fn made_up_keys_are_the_same_in_every_process_with_the_list() {
    let (one, other) = (service(users()), service(users()));
    let (made_up, nobody) = one.keys("nobody");
    assert!(nobody.is_none());
    assert_eq!(made_up, other.keys("nobody").0);
    assert_ne!(made_up, one.keys("somebody").0);
    // Who has no keys is told the same as nobody.
    let (made_up, otto) = one.keys("otto");
    assert!(otto.is_none());
    assert_eq!(made_up, other.keys("otto").0);
    let (own, anna) = one.keys("anna");
    assert_eq!((own, anna.unwrap().user.name()), (keys(), "anna"));
    assert!(service(Vec::new()).keys("nobody").1.is_none());
}

#[test]
fn nonces_do_not_repeat() {
    let verifier = service(users());
    let mut nonces: Vec<String> = (0..1_000).map(|_| verifier.nonce()).collect();
    assert!(nonces.iter().all(|nonce| nonce.len() == 24 && !nonce.contains(',')), "{nonces:?}");
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 1_000);
    assert_ne!(verifier.nonce(), service(users()).nonce());
}

#[test]
fn nothing_secret_is_shown() {
    let verifier = service(users());
    let shown = format!("{verifier:?} {:?} {:?}", users(), PasswordHash::parse(CHEAP));
    assert!(!shown.contains("$argon2id") && !shown.contains("c29t"), "{shown}");
}
