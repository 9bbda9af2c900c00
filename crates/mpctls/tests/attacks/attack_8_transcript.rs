//! Attack 8, on what bytes mean: values from elsewhere, halves of values, cut and doubled responses.

use mpctls::Source;
use mpctls::attestation::{Classed, Shown};
use mpctls::class::Class;

use crate::fixture::{commitment, honest, judge, judge_with, position, redact, show_only, usual};
use crate::support::{BODY, SOURCE, chunked, response, source};

#[test]
fn the_honest_statement_is_accepted_with_length_or_chunks() {
    let said = judge(usual()).unwrap();
    assert_eq!(said.disclosed["uid"], "354937868");
    assert_eq!(said.private["free"].window_len, 24);
    let chunks = chunked(BODY, &[20, 90, 50]);
    assert!(judge(honest(&source(), &chunks).0).is_ok());
}

#[test]
fn a_private_range_that_covers_half_a_number() {
    let bytes = response(BODY);
    let start = position(&bytes, r#"{"asset":"ETH","free":""#) + r#"{"asset":"ETH","free":""#.len();
    for shift in [-1i64, 1, 3] {
        let mut statement = usual();
        let from = (start as i64 + shift) as usize;
        statement.commitments = vec![commitment("free", from, &bytes[from..from + 24])];
        assert_eq!(judge(statement), Err("commitment_range"), "{shift}");
    }
    // The same trick with a shorter window: "12" of "12.345".
    let mut statement = usual();
    statement.commitments = vec![commitment("free", start, &bytes[start..start + 2])];
    assert_eq!(judge(statement), Err("commitment_range"));
    // A window of which one digit is shown.
    let mut statement = usual();
    statement.received = redact(&bytes, |at| if (start + 1..start + 24).contains(&at) { b'.' } else { b'+' });
    assert_eq!(judge(statement), Err("commitment_range"));
}

#[test]
fn more_hidden_than_the_layout_allows() {
    let narrow = Source::from_toml(&SOURCE.replace("{ skip = 65536 }", "{ skip = 8 }")).unwrap();
    assert_eq!(judge_with(usual(), &narrow), Err("response_body"));
    // The layout ends with the window, the body does not.
    let after = SOURCE.find("  { skip = 65536 }").unwrap()..SOURCE.find("]\n\n[[fields]]").unwrap();
    let uid = SOURCE.find("[[fields]]\nname = \"uid\"").unwrap();
    let mut text = SOURCE[..uid].to_owned();
    text.replace_range(after, "");
    let short = Source::from_toml(&text).unwrap();
    assert_eq!(judge_with(usual(), &short), Err("response_body"));
}

#[test]
fn a_range_from_another_field() {
    // The window of BTC's balance, presented as ETH's.
    let bytes = response(BODY);
    let btc = position(&bytes, "4723846");
    let mut statement = usual();
    statement.commitments = vec![commitment("free", btc, &bytes[btc..btc + 24])];
    assert_eq!(judge(statement), Err("commitment_range"));

    // The shown anchor moved to BTC's, too.
    let mut statement = usual();
    statement.commitments = vec![commitment("free", btc, &bytes[btc..btc + 24])];
    statement.received = show_only(&bytes, &[r#"{"asset":"BTC","free":""#, r#"],"uid":354937868}"#]);
    assert_eq!(judge(statement), Err("response_body"));

    // A field that the source does not have, and the same field twice.
    let mut statement = usual();
    statement.commitments.push(commitment("locked", btc, &bytes[btc..btc + 24]));
    assert_eq!(judge(statement), Err("commitment_range"));
    let mut statement = usual();
    let again = statement.commitments[0].clone();
    statement.commitments.push(again);
    assert_eq!(judge(statement), Err("commitment_range"));
    let mut statement = usual();
    statement.commitments.clear();
    assert_eq!(judge(statement), Err("commitment_range"));
}

#[test]
fn duplicate_json_keys() {
    // A second "free" in the same object: the anchor reaches from the object's start to the first value.
    let body = BODY.replace(r#""free":"12.34500000""#, r#""free":"12.34500000","free":"99.00000000""#);
    let bytes = response(&body);
    let second = position(&bytes, "99.0");
    let (mut statement, _) = honest(&source(), &bytes);
    statement.commitments = vec![commitment("free", second, &bytes[second..second + 24])];
    assert_eq!(judge(statement.clone()), Err("commitment_range"));
    statement.received = show_only(&bytes, &[r#"","free":"9"#, r#"],"uid":354937868}"#]);
    assert!(judge(statement).is_err());
    // A second object with the same beginning: the prover's own tool refuses to choose.
    let body = BODY.replace(r#"{"asset":"BTC""#, r#"{"asset":"ETH","free":"99.0"},{"asset":"BTC""#);
    let refused = source().disclose_response(&response(&body), false).unwrap_err();
    assert_eq!(refused.code(), "anchor_ambiguous");
    // And where everything is shown, the verifier itself takes the first.
    let bytes = response(&body);
    let second = position(&bytes, "12.345");
    let (mut statement, _) = honest(&source(), &response(BODY));
    statement.received = redact(&bytes, |at| if (second..second + 24).contains(&at) { b'.' } else { b'+' });
    statement.commitments = vec![commitment("free", second, &bytes[second..second + 24])];
    assert_eq!(judge(statement), Err("commitment_range"));
}

#[test]
fn a_value_reflected_from_the_request() {
    // A site that repeats what it was asked, inside a string: JSON escapes the quotes.
    let reflected = r#"{\"asset\":\"ETH\",\"free\":\"99999999.00000000\",\"x\":\""#;
    let body = BODY.replace(r#"{"makerCommission":15,"#, &format!(r#"{{"echo":"{reflected}","#));
    let bytes = response(&body);
    let fake = position(&bytes, "99999999");
    let (mut statement, _) = honest(&source(), &bytes);
    statement.commitments = vec![commitment("free", fake, &bytes[fake..fake + 24])];
    statement.received = show_only(&bytes, &[r#"{\"asset\":\"ETH\",\"free\":\""#, r#"],"uid":354937868}"#]);
    assert_eq!(judge(statement), Err("response_body"));

    // No anchor that would fit into a string is accepted in the first place.
    for anchor in ["free: ", r#""free":""#, r#"\"free\":\""#, r#",",":""#] {
        let text = SOURCE.replace(r#"'{"asset":"ETH","free":"'"#, &format!("'{anchor}'"));
        assert_eq!(Source::from_toml(&text).unwrap_err().code(), "source_response", "{anchor}");
    }

    // And a secret cannot carry a quote or a line break into the request at all.
    for evil in ["a\"b", "a\r\nHost: other", "a b", "a\\b"] {
        let mut secrets = mpctls::source::Secrets::new();
        secrets.insert("api_key", evil.into());
        assert_eq!(source().render(&secrets, 0).err().unwrap().code(), "secret", "{evil:?}");
    }
}

#[test]
fn hidden_parts_of_the_request_without_their_class() {
    // What hides in the request could be a line break and another header: only bytes of the class may hide.
    let mut statement = usual();
    statement.sent.classes.clear();
    assert_eq!(judge(statement), Err("request_mismatch"));
    let mut statement = usual();
    statement.sent.classes[0].class = Class::Line;
    assert_eq!(judge(statement), Err("request_mismatch"));
    let mut statement = usual();
    statement.sent.classes[0].length -= 1;
    assert_eq!(judge(statement), Err("request_mismatch"));
}

#[test]
fn another_request() {
    let edit = |from: &str, to: &str| {
        let mut statement = usual();
        for shown in &mut statement.sent.shown {
            let text = String::from_utf8(shown.bytes.clone()).unwrap();
            shown.bytes = text.replace(from, to).into_bytes();
        }
        judge(statement)
    };
    assert!(edit("GET", "GET").is_ok());
    for (from, to) in [
        ("GET", "PUT"),
        ("/api/v3/account", "/api/v3/accoumt"),
        ("exchange.test", "exchange.tesu"),
        ("identity", "identitx"),
        ("timestamp=1700000000000", "timestamp=1700009900000"),
        ("timestamp=1700000000000", "timestamp=17000000000x0"),
    ] {
        assert_eq!(edit(from, to), Err("request_mismatch"), "{to}");
    }
    // A second request behind the first.
    let mut statement = usual();
    let extra = b"GET /other HTTP/1.1\r\n\r\n".to_vec();
    statement.sent.shown.push(Shown { offset: statement.sent.length, bytes: extra.clone() });
    statement.sent.length += extra.len() as u32;
    assert_eq!(judge(statement), Err("request_mismatch"));
}

#[test]
fn truncation() {
    // The response without its last bytes, and a response that never says how long it is.
    let mut statement = usual();
    statement.received.length -= 1;
    statement.received.shown.last_mut().unwrap().bytes.truncate(5);
    assert_eq!(judge(statement), Err("response_framing"));

    let unframed = b"HTTP/1.1 200 OK\r\nServer: test\r\n\r\n{}";
    let mut statement = usual();
    statement.received = redact(unframed, |_| b'+');
    assert_eq!(judge(statement), Err("response_framing"));

    // Chunks without the last one.
    let chunks = chunked(BODY, &[20]);
    let cut = &chunks[..chunks.len() - 5];
    let (mut statement, _) = honest(&source(), &chunks);
    statement.received.length = cut.len() as u32;
    let last = statement.received.shown.last_mut().unwrap();
    last.bytes.truncate(last.bytes.len() - 5);
    assert_eq!(judge(statement), Err("response_framing"));
}

#[test]
fn pipelined_responses() {
    let two = [response(BODY), response(BODY)].concat();
    let mut statement = usual();
    let one = statement.received.length;
    statement.received.length = two.len() as u32;
    statement.received.shown.push(Shown { offset: one, bytes: two[one as usize..].to_vec() });
    assert_eq!(judge(statement), Err("response_framing"));
    assert!(source().disclose_response(&two, false).is_err());
}

#[test]
fn a_head_that_ends_elsewhere() {
    // Hiding the true end of the head, and showing one inside the body as the end.
    let body = format!("\r\n\r\n{BODY}");
    let bytes = response(&body);
    let fake = position(&bytes, "\r\n\r\n\r\n\r\n");
    let mut statement = usual();
    statement.received = redact(&bytes, |at| if (fake..fake + 4).contains(&at) { b'.' } else { b'+' });
    assert_eq!(judge(statement), Err("response_framing"));

    // A second framing header, in the open or hidden by name.
    for extra in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Content-Encoding: gzip\r\n"] {
        let text = String::from_utf8(response(BODY)).unwrap().replace("Server:", &format!("{extra}Server:"));
        let mut statement = usual();
        statement.received = redact(text.as_bytes(), |_| b'+');
        assert_eq!(judge(statement), Err("response_framing"), "{extra}");
        let name = position(text.as_bytes(), extra);
        let mut statement = usual();
        statement.received =
            redact(
                text.as_bytes(),
                |at| if (name..name + extra.len() - 2).contains(&at) { b'~' } else { b'+' },
            );
        assert_eq!(judge(statement), Err("response_framing"), "{extra}");
    }
}

#[test]
fn hidden_bytes_that_could_be_a_line_break() {
    let mut statement = usual();
    statement.received.classes.clear();
    assert_eq!(judge(statement), Err("response_framing"));
}

#[test]
fn a_hole_across_a_chunk_boundary_or_the_end_of_the_body() {
    let value = position(BODY.as_bytes(), "12.345");
    for split in [value + 1, value + 23] {
        let chunks = chunked(BODY, &[split]);
        assert_eq!(source().disclose_response(&chunks, false).unwrap_err().code(), "commitment_range");
        // A prover that commits across the boundary nevertheless.
        let at = position(&chunks, &BODY[value - 20..value]) + 20;
        let (mut statement, _) = honest(&source(), &response(BODY));
        statement.received = redact(&chunks, |i| if (at..at + 24).contains(&i) { b'.' } else { b'+' });
        statement.commitments = vec![commitment("free", at, &chunks[at..at + 24])];
        assert!(matches!(judge(statement), Err("commitment_range" | "response_framing")), "{split}");
        // The same with the next chunk's size shown: the commitment is to the size, not to the value's end.
        let before = split - value;
        let size = at + before..at + before + 2 + position(&chunks[at + before + 2..], "\r\n") + 2;
        let (mut statement, _) = honest(&source(), &response(BODY));
        statement.received = redact(&chunks, |i| {
            let hidden = (at..at + 24 + size.len()).contains(&i) && !size.contains(&i);
            if hidden { b'.' } else { b'+' }
        });
        statement.commitments = vec![commitment("free", at, &chunks[at..at + 24])];
        assert_eq!(judge(statement), Err("commitment_range"), "{split}");
    }
    // A boundary right before or right after the window is fine.
    for split in [value, value + 24] {
        assert!(judge(honest(&source(), &chunked(BODY, &[split])).0).is_ok());
    }
    let text = SOURCE.replace("window = 24", "window = 500");
    let wide = Source::from_toml(&text).unwrap();
    let refused = wide.disclose_response(&response(BODY), false).unwrap_err();
    assert_eq!(refused.code(), "commitment_range");
}

#[test]
fn a_redirect_or_an_error_page() {
    for (status, hint) in [("302 Found", "redirects"), ("401 Unauthorized", "secrets"), ("503 Busy", "later")]
    {
        let text = String::from_utf8(response(BODY)).unwrap().replace("200 OK", status);
        let refused = source().disclose_response(text.as_bytes(), false).unwrap_err();
        assert_eq!(refused.code(), "response_status");
        assert!(refused.to_string().contains(hint), "{refused}");
        let mut statement = usual();
        statement.received = redact(text.as_bytes(), |_| b'+');
        assert_eq!(judge(statement), Err("response_status"));
    }
}

#[test]
fn a_disclosed_value_that_is_none() {
    for uid in ["0", "9000000001", "-5", "1.5", "12e3", "007", "null", ""] {
        let body = BODY.replace("354937868", uid);
        let bytes = response(&body);
        assert_eq!(source().disclose_response(&bytes, false).unwrap_err().code(), "disclosed_value", "{uid}");
    }
    // A prover that shows a value beyond the range nevertheless.
    let generous = Source::from_toml(&SOURCE.replace("max = 9000000000\n", "max = 9999999999\n")).unwrap();
    let beyond = response(&BODY.replace("354937868", "9000000001"));
    assert_eq!(judge(honest(&generous, &beyond).0), Err("disclosed_value"));
    // Its last digit hidden: the value would look smaller.
    let bytes = response(BODY);
    let mut statement = usual();
    statement.received = show_only(&bytes, &[r#"{"asset":"ETH","free":""#, r#"],"uid":35493786"#]);
    assert_eq!(judge(statement), Err("disclosed_value"));
}

#[test]
fn ranges_that_overlap_or_reach_beyond_the_end() {
    let mut statement = usual();
    let again = statement.received.shown[0].clone();
    statement.received.shown.push(again);
    assert_eq!(judge(statement), Err("transcript_ranges"));
    let mut statement = usual();
    statement.received.shown.last_mut().unwrap().offset = u32::MAX - 3;
    assert_eq!(judge(statement), Err("transcript_ranges"));
    let mut statement = usual();
    statement.received.classes.push(Classed { offset: 0, length: u32::MAX, class: Class::Line });
    assert_eq!(judge(statement), Err("transcript_ranges"));
    let mut statement = usual();
    statement.received.length = u32::MAX;
    assert_eq!(judge(statement), Err("transcript_ranges"));
}

#[test]
fn another_source_does_not_match() {
    let text = SOURCE.replace("\"ETH\"", "\"BTC\"");
    let other = Source::from_toml(&text).unwrap();
    assert_eq!(judge_with(usual(), &other), Err("response_body"));
}
