use super::{Condition, conditions};

/// What an expression comes to, in short: codes, enhanced codes, words, further words, `wider`.
fn shown(expression: &str) -> String {
    let one = |condition: &Condition| {
        let Condition { codes, enhanced, text, with, is_wider } = condition;
        let wider = if *is_wider { " wider" } else { "" };
        format!("{codes:?} {enhanced:?} {text:?} {with:?}{wider}").replace('"', "")
    };
    match conditions(expression) {
        Ok(all) => all.iter().map(one).collect::<Vec<_>>().join(" | "),
        Err(why) => why,
    }
}

#[test]
fn expressions_come_to_codes_and_words() {
    for (expression, expected) in [
        ("slow down", "[] [] [slow down] []"),
        (r"\[TS01\]", "[] [] [[TS01]] []"),
        (r"^421 .* too many errors", "[421] [] [too many errors] []"),
        (r"^4\d\d", "[4xx] [] [] []"),
        (r"421 4\.7\.0 wait", "[421] [4.7.0] [wait] []"),
        (r"^[45]\.1\.1", "[] [4.1.1, 5.1.1] [] []"),
        (r"^5\.7\.\d+", "[] [5.7.x] [] [] wider"),
        (r"blocked.*spamhaus", "[] [] [spamhaus] [blocked]"),
        (r"(blocked|refused) by us", "[] [] [blocked by us, refused by us] []"),
        (r"\[TSS?0[12]\]", "[] [] [[TS01], [TS02], [TSS01], [TSS02]] []"),
        (r"too many|slow down", "[] [] [too many, slow down] []"),
        (r"451 one|452 two", "[451] [] [one] [] | [452] [] [two] []"),
        (r"from \d+\.\d+ deferred", "[] [] [deferred] [from] wider"),
        (r"weren.t sent", "[] [] [t sent] [weren] wider"),
        (r"\bvirus\b", "[] [] [virus] [] wider"),
        (r"first.*second.*third one", "[] [] [third one] [second] wider"),
        (r"(?i)Quota", "[] [] [Quota] []"),
        (r"(?:over|out of) quota", "[] [] [over quota, out of quota] []"),
        (r"http:\/\/x\.example\/1", "[] [] [http://x.example/1] []"),
        ("4215 words", "[] [] [4215 words] []"),
    ] {
        assert_eq!(shown(expression), expected, "{expression}");
    }
}

#[test]
fn what_words_cannot_say_is_told() {
    for (expression, word) in [
        ("", "spells out"),
        (".*", "spells out"),
        ("ab", "spells out"),
        ("too many|.*", "spells out"),
        (r"(?!no)yes", "ahead"),
        (r"(?<=no)yes", "ahead"),
        (r"(a)\1", r"`\1`"),
        ("(open", "not closed"),
        ("[open", "not closed"),
        ("close)", "closes nothing"),
        ("*", "repeats nothing"),
        ("back\\", "in the middle"),
        ("{x}a{b}", "written"),
        ("(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)word", "more than 32"),
    ] {
        assert!(shown(expression).contains(word), "{expression}: {}", shown(expression));
    }
    assert!(shown(&"(".repeat(1_000)).contains("deep"));
    assert!(shown(&"a?".repeat(1_000)).contains("more than"));
    assert!(!shown(&"word".repeat(10_000)).is_empty(), "bounded");
}
