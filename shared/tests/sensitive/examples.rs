//! Texts with what is found in them, and texts that only look like it.

use floopy_shared::domain::sensitive::{Kind, scrub, scrub_json};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(scrub(text), expected, "{text:?}");
}

#[test]
fn people_and_their_accounts_are_named_by_kind() {
    for (text, expected) in [
        (
            "Write to ann.o'neil+x@mail.example.co.uk.",
            "Write to ann.o'[email].",
        ),
        (
            "<jörg@müller.de>, 邮箱joe@example.com谢谢",
            "<[email]>, 邮箱[email]谢谢",
        ),
        (
            "a@b.com-4111111111111111, a@b.com4, c@d.org.",
            "[email]-[card], a@b.com4, [email].",
        ),
        (
            "call +49 (0)171 123-4567 or (555) 234-5678!",
            "call [phone] or [phone]!",
        ),
        (
            "ring 020 7946 0958, 555-234-5678, 06.12.34.56.78",
            "ring [phone], [phone], [phone]",
        ),
        ("11 91234-5678 e (11) 91234-5678", "[phone] e [phone]"),
        (
            "card 4111 1111 1111 1111, 3782-822463-10005",
            "card [card], [card]",
        ),
        ("卡号是4111111111111111谢谢", "卡号是[card]谢谢"),
        ("3 4111 1111 1111 1111 12/29", "3 [card] 12/29"),
        (
            "DE89 3704 0044 0532 0130 00 and gb82west12345698765432",
            "[iban] and [iban]",
        ),
        (
            "ssn 123-45-6789, cpf 529.982.247-25, 11.222.333/0001-81",
            "ssn [us_ssn], cpf [br_cpf], [br_cnpj]",
        ),
        (
            "12345678Z, 12345678-Z, X1234567L",
            "[es_dni], [es_dni], [es_dni]",
        ),
        (
            "269054958815780; RSSMRA85T10A562S",
            "[fr_nir]; [it_codice_fiscale]",
        ),
        (
            "2341 2341 2346, 11010519491231002X",
            "[in_aadhaar], [cn_resident_id]",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn secrets_are_named_by_kind() {
    for (text, expected) in [
        (
            "key=sk-proj-abcdefghij0123456789, AKIAIOSFODNN7EXAMPLE",
            "key=[api_key], [api_key]",
        ),
        (
            "Authorization: Bearer abcdef0123456789",
            "Authorization: Bearer [token]",
        ),
        ("t=eyJhbGciOi.eyJzdWIiOi.c2ln_bmF0dXJl.", "t=[token]."),
        (
            "postgres://joe:s3cr3t@db.example.com/x",
            "postgres://[password]@db.example.com/x",
        ),
        (
            "https://x.io/a?user=joe&password=hunter2&b=1",
            "https://x.io/a?user=joe&password=[password]&b=1",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----.",
            "[private_key].",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIEabc cut",
            "[private_key] cut",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_only_looks_like_it_stays() {
    for text in [
        "On 2024-05-17 at 10:30 we sold 1,234,567.89 units; see RFC 9110, section 15.5.1.",
        "550e8400-e29b-41d4-a716-446655440000, 1700000000000, 0.4111111111111111, 192.168.100.200",
        "4111 1111 1111 1112 is off by one, and so is DE89370400440532013001.",
        "user@localhost, @handle, a@b, left @ right, x@1.2.3, node@18",
        "sk-this-is-a-kebab-case-name-without-digits, AKIAIOSFODNN7EXAMPL, the bearer of internationalization",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----, https://example.com:8080/a@b",
        "529.982.247-26, 000-12-3456, 12345678A, 9780306406157, 20240517103000",
        "let x = matrix[12][34] + 56 - 78 * (90 / 12); v1.2.3-rc.4+build.567",
    ] {
        check(text, text);
    }
}

#[test]
fn a_kind_is_read_by_its_name_and_shown_by_it() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        assert_eq!(kind.placeholder(), format!("[{}]", kind.as_str()));
    }
    assert_eq!(Kind::parse("mail"), None);
}

#[test]
fn of_json_only_values_change() {
    let json = r#"[ {"role":"user", "content":"I am a@b.com", "a@b.com": 4111111111111111, "n": 1.50},
        {"arguments":"{\"to\": \"c@d.org\", \"n\": 4111111111111111}", "id":"call_1"} , "caf\u00e9 \"x@y.io\"" ]"#;
    let expected = r#"[ {"role":"user", "content":"I am [email]", "a@b.com": "[card]", "n": 1.50},
        {"arguments":"{\"to\": \"[email]\", \"n\": \"[card]\"}", "id":"call_1"} , "caf\u00e9 \"[email]\"" ]"#;
    assert_eq!(scrub_json(json), expected);
    let whole = r#"{"a": "b", "c": [1, 2.5e3, null]}"#;
    assert!(matches!(scrub_json(whole), std::borrow::Cow::Borrowed(_)));
    assert_eq!(scrub_json("\"cut a@b.com"), "\"cut [email]");
}
