//! Parsing of windows against a reader in the clear that shares no code with the circuit.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::option_option, reason = "the interface under test tells missing from invalid so")]

use circuit::{
    Clear, bits,
    parse::{Format, FormatError, Kind},
};
use proptest::prelude::*;

/// What the window should parse to, by string handling.
fn reference(format: &Format, window: &[u8]) -> Option<Option<i64>> {
    let ends: &[u8] = if format.quoted { b"\"" } else { b",}] \n\r\t" };
    let length = window.iter().position(|byte| ends.contains(byte))?;
    let text = std::str::from_utf8(&window[..length]).ok()?;
    let value = match &format.kind {
        Kind::Decimal { scale, min, max } => decimal(text, *scale as usize, *min, *max),
        Kind::Integer { min, max } => (!text.contains('.')).then(|| decimal(text, 0, *min, *max)).flatten(),
        Kind::Boolean => ["false", "true"].iter().position(|word| *word == text).map(|i| i as i64),
        Kind::Category(words) => words.iter().position(|word| word == text).map(|i| i as i64),
    };
    match value {
        None if format.nullable && text == "null" => Some(None),
        value => value.map(Some),
    }
}

fn decimal(text: &str, scale: usize, min: i64, max: i64) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) if min < 0 => (-1, rest),
        _ => (1, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let kept: String = fraction.chars().chain("0".repeat(18).chars()).take(scale).collect();
    let value = sign * format!("{whole}{kept}").parse::<i128>().ok()?;
    (i128::from(min) <= value && value <= i128::from(max)).then_some(value as i64)
}

fn decimal_format(scale: u32, min: i64, max: i64, quoted: bool) -> Format {
    Format { kind: Kind::Decimal { scale, min, max }, quoted, nullable: !quoted }
}

fn window(text: &str, length: usize) -> Vec<u8> {
    let mut window = text.as_bytes().to_vec();
    window.resize(length, b'7');
    window
}

#[track_caller]
fn check(format: &Format, window: &[u8]) -> Option<Option<i64>> {
    assert_eq!(format.check(window.len()), Ok(()));
    let read = format.read(window);
    assert_eq!(read, reference(format, window), "{format:?} on {:?}", String::from_utf8_lossy(window));
    read
}

#[test]
fn numbers_by_hand() {
    let bare = decimal_format(2, -99_999, 99_999, false);
    for (text, value) in [
        ("0,", Some(Some(0))),
        ("-0}", Some(Some(0))),
        ("1.5]", Some(Some(150))),
        ("-1.5 ", Some(Some(-150))),
        ("999.99\n", Some(Some(99_999))),
        ("-999.99\r", Some(Some(-99_999))),
        ("1.239,", Some(Some(123))),
        ("-1.239,", Some(Some(-123))),
        ("null,", Some(None)),
        ("null1,", None),
        ("nul,", None),
        ("1000,", None),
        ("-1000,", None),
        ("01,", None),
        ("-01,", None),
        ("00.1,", None),
        (".1,", None),
        ("-.1,", None),
        ("1.,", None),
        ("-,", None),
        (",", None),
        ("1.2.3,", None),
        ("1..2,", None),
        ("1.2.3.4.5,", None),
        ("--1,", None),
        ("1-,", None),
        ("+1,", None),
        ("1e2,", None),
        ("1\",", None),
        ("123456789012", None),
        ("1:,", None),
        ("1/,", None),
    ] {
        assert_eq!(check(&bare, &window(text, 12)), value, "{text}");
    }
    // The end may be the window's last byte, and not one further.
    assert_eq!(check(&bare, b"-999.99,"), Some(Some(-99_999)));
    assert_eq!(check(&bare, b"-999.999"), None);
}

#[test]
fn integers_refuse_a_point() {
    let format = Format { kind: Kind::Integer { min: 0, max: i64::MAX }, quoted: true, nullable: false };
    assert_eq!(check(&format, &window("9223372036854775807\"", 24)), Some(Some(i64::MAX)));
    assert_eq!(check(&format, &window("9223372036854775808\"", 24)), None);
    assert_eq!(check(&format, &window("1.0\"", 24)), None);
    assert_eq!(check(&format, &window("-1\"", 24)), None);
    let format =
        Format { kind: Kind::Integer { min: i64::MIN, max: i64::MAX }, quoted: true, nullable: false };
    assert_eq!(check(&format, &window("-9223372036854775808\"", 24)), Some(Some(i64::MIN)));
    assert_eq!(check(&format, &window("-9223372036854775809\"", 24)), None);
    assert_eq!(check(&format, &window("12345678901234567890\"", 24)), None);
}

#[test]
fn words() {
    let boolean = Format { kind: Kind::Boolean, quoted: false, nullable: true };
    for (text, value) in [
        ("true,", Some(Some(1))),
        ("false}", Some(Some(0))),
        ("null]", Some(None)),
        ("truetrue", None),
        ("True,", None),
        ("fals,", None),
    ] {
        assert_eq!(check(&boolean, &window(text, 8)), value, "{text}");
    }
    let texts = ["red", "green", "blue", "re", "null"].map(String::from).to_vec();
    let category = Format { kind: Kind::Category(texts.clone()), quoted: true, nullable: false };
    assert_eq!((category.width(), category.signed()), (3, false));
    for (place, text) in texts.iter().enumerate() {
        assert_eq!(check(&category, &window(&format!("{text}\""), 7)), Some(Some(place as i64)));
    }
    assert_eq!(check(&category, &window("r\"", 7)), None);
    assert_eq!(check(&category, &window("redd\"", 7)), None);
    assert_eq!(check(&category, &window("red,", 7)), None);
}

#[test]
fn widths_hold_every_accepted_value() {
    let width = |min, max| {
        let format = Format { kind: Kind::Integer { min, max }, quoted: false, nullable: false };
        (format.width(), format.signed())
    };
    assert_eq!(width(0, 0), (1, false));
    assert_eq!(width(0, 1), (1, false));
    assert_eq!(width(5, 255), (8, false));
    assert_eq!(width(-1, 0), (1, true));
    assert_eq!(width(-128, 127), (8, true));
    assert_eq!(width(-129, 127), (9, true));
    assert_eq!(width(-1, 128), (9, true));
    assert_eq!(width(i64::MIN, i64::MAX), (64, true));
    assert_eq!(width(-1, -1), (1, true));
}

#[test]
fn wrong_formats_are_refused_with_a_reason() {
    let format = |kind, quoted, nullable| Format { kind, quoted, nullable };
    let boolean = || Kind::Boolean;
    assert_eq!(format(boolean(), true, true).check(9), Err(FormatError::QuotedNull));
    assert_eq!(format(boolean(), false, true).check(5), Err(FormatError::Window { window: 5, needed: 6 }));
    let integer = |min, max| Kind::Integer { min, max };
    assert_eq!(format(integer(1, 0), true, false).check(9), Err(FormatError::Bounds { min: 1, max: 0 }));
    assert_eq!(
        format(integer(-10, 0), true, false).check(3),
        Err(FormatError::Window { window: 3, needed: 4 })
    );
    assert_eq!(decimal_format(19, 0, 1, true).check(40), Err(FormatError::Scale(19)));
    for texts in [vec![], vec![""], vec!["a", "a"], vec!["a\""], vec!["\\"], vec!["\n"]] {
        let texts = texts.into_iter().map(String::from).collect();
        assert_eq!(format(Kind::Category(texts), true, false).check(9), Err(FormatError::Categories));
    }
    assert_eq!(format(boolean(), false, false).read(b"t"), None);
}

/// The cost of a typical private field.
#[test]
fn a_decimal_of_16_digits_costs_1936_gates() {
    let format = decimal_format(8, 0, 9_999_999_999_999_999, true);
    let mut clear = Clear::default();
    format.parse(&bits::from_bytes(&[b'1'; 24]), &mut clear).unwrap();
    assert_eq!((clear.ands, clear.layers), (1936, 48));
}

/// Windows that are numbers, nearly numbers, and noise.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,7})(\\.[0-9]{1,8})?[\",}\\] ]",
        "-?[0-9]{0,6}\\.?[0-9]{0,6}[\",}\\] ]",
        "[-0-9.\", ]{0,12}",
        "(true|false|null|red|green|re|r)[\",}]",
        "[ -~]{0,12}",
    ]
}

fn format() -> impl Strategy<Value = Format> {
    let bound = prop_oneof![Just(0i64), Just(-1), Just(9), Just(1000), -99_999i64..99_999, any::<i64>()];
    let number = (bound.clone(), bound, 0u32..5, any::<bool>()).prop_map(|(a, b, scale, integer)| {
        let (min, max) = (a.min(b), a.max(b));
        if integer { Kind::Integer { min, max } } else { Kind::Decimal { scale, min, max } }
    });
    let words = prop_oneof![
        Just(Kind::Boolean),
        Just(Kind::Category(vec!["red".into(), "green".into(), "re".into(), "r".into(), "null".into()])),
    ];
    (prop_oneof![3 => number, 1 => words], 0..3).prop_map(|(kind, style)| Format {
        kind,
        quoted: style == 0,
        nullable: style == 1,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_window(format in format(), text in text(), slack in 0usize..4) {
        let length = (1..64).find(|&length| format.check(length).is_ok()).unwrap();
        check(&format, &window(&text, length.max(text.len()) + slack));
    }

    #[test]
    fn written_values_are_read(value: i64, scale in 0u32..=18, shift in 0u32..64) {
        let value = value >> shift;
        let magnitude = format!("{:0>1$}", value.unsigned_abs(), scale as usize + 1);
        let (whole, fraction) = magnitude.split_at(magnitude.len() - scale as usize);
        let sign = if value < 0 { "-" } else { "" };
        let point = if scale > 0 { "." } else { "" };
        let format = decimal_format(scale, value.min(0), value.max(0), true);
        let text = format!("{sign}{whole}{point}{fraction}\"");
        prop_assert_eq!(check(&format, &window(&text, text.len())), Some(Some(value)));
    }
}
