//! Attack 10: tampered attestations, unknown and revoked notaries, stale times.

use mpctls::{Attestation, NotaryKey, NotarySigningKey, VerifyError, verify};
use proptest::prelude::*;

use crate::fixture::{TIME, key, usual};
use crate::support::source;

fn signed() -> Attestation {
    Attestation::sign(usual(), &key()).unwrap()
}

fn judged(attestation: &Attestation, keys: &[NotaryKey], now: u64) -> Result<(), &'static str> {
    verify(attestation, &source(), keys, now).map(|_| ()).map_err(|error| error.code())
}

#[test]
fn every_part_of_a_statement_is_signed() {
    let keys = [key().public()];
    assert_eq!(judged(&signed(), &keys, TIME), Ok(()));
    let changes: [fn(&mut Attestation); 12] = [
        |a| a.statement.mode = mpctls::Mode::Mpc,
        |a| a.statement.session[0] ^= 1,
        |a| a.statement.time += 1,
        |a| a.statement.server_name.push('x'),
        |a| a.statement.survey[31] ^= 1,
        |a| a.statement.provider_key[0] ^= 1,
        |a| a.statement.sent.shown[0].bytes[0] ^= 1,
        |a| a.statement.received.shown[0].offset += 1,
        |a| a.statement.received.length += 1,
        |a| a.statement.received.classes[0].class = mpctls::class::Class::Url,
        |a| a.statement.commitments[0].digest[0] ^= 1,
        |a| a.signature[0] ^= 1,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut attestation = signed();
        change(&mut attestation);
        assert_eq!(judged(&attestation, &keys, TIME), Err("attestation_signature"), "change {index}");
    }
    let mut attestation = signed();
    attestation.statement.version = 2;
    assert_eq!(judged(&attestation, &keys, TIME), Err("attestation_version"));
}

#[test]
fn a_notary_that_nobody_knows() {
    let stranger = NotarySigningKey::from_seed(&[1; 32]);
    let attestation = Attestation::sign(usual(), &stranger).unwrap();
    assert_eq!(judged(&attestation, &[key().public()], TIME), Err("notary_unknown"));
    assert_eq!(judged(&attestation, &[], TIME), Err("notary_unknown"));
    // The stranger's signature under a trusted name.
    let mut attestation = attestation;
    attestation.notary = key().public().key;
    assert_eq!(judged(&attestation, &[key().public()], TIME), Err("attestation_signature"));
}

#[test]
fn a_revoked_or_retired_notary() {
    let revoked = NotaryKey { revoked: true, ..key().public() };
    // Whatever else the list says, and whatever time the attestation claims.
    assert_eq!(judged(&signed(), &[key().public(), revoked], TIME), Err("notary_revoked"));
    let retired = NotaryKey { not_after: Some(TIME - 1), ..key().public() };
    assert_eq!(judged(&signed(), &[retired], TIME), Err("notary_expired"));
    let early = NotaryKey { not_before: Some(TIME + 1), ..key().public() };
    assert_eq!(judged(&signed(), &[early], TIME), Err("notary_expired"));
    let in_use = NotaryKey { not_before: Some(TIME), not_after: Some(TIME), ..key().public() };
    assert_eq!(judged(&signed(), &[in_use], TIME), Ok(()));
}

#[test]
fn a_stale_time_and_a_time_to_come() {
    let keys = [key().public()];
    let age = source().max_age();
    assert_eq!(judged(&signed(), &keys, TIME + age), Ok(()));
    assert_eq!(judged(&signed(), &keys, TIME + age + 1), Err("attestation_stale"));
    assert_eq!(judged(&signed(), &keys, TIME - 300), Ok(()));
    assert_eq!(judged(&signed(), &keys, TIME - 301), Err("attestation_future"));
}

#[test]
fn another_server() {
    let mut statement = usual();
    statement.server_name = "attacker.test".into();
    let attestation = Attestation::sign(statement, &key()).unwrap();
    assert_eq!(judged(&attestation, &[key().public()], TIME), Err("server_name"));
}

#[test]
fn more_than_an_attestation_can_be() {
    let long = vec![b' '; mpctls::attestation::MAX_ATTESTATION + 1];
    assert!(matches!(Attestation::from_json(&long), Err(VerifyError::Malformed(_))));
    // A member that is not part of the format could carry what nobody signed.
    let json = String::from_utf8(signed().to_json().unwrap()).unwrap();
    let json = json.replacen("\"version\"", "\"note\": 1, \"version\"", 1);
    assert!(matches!(Attestation::from_json(json.as_bytes()), Err(VerifyError::Malformed(_))));
}

proptest! {
    /// A changed byte anywhere in the file is noticed, and never panics.
    #[test]
    fn a_changed_byte_anywhere_is_noticed(at in any::<prop::sample::Index>(), byte: u8) {
        let mut json = signed().to_json().unwrap();
        let at = at.index(json.len());
        prop_assume!(json[at] != byte);
        json[at] = byte;
        if let Ok(changed) = Attestation::from_json(&json) {
            // Letters of hexadecimal digits may change case; blanks are no part of what is signed.
            if changed != signed() {
                prop_assert!(verify(&changed, &source(), &[key().public()], TIME).is_err());
            }
        }
    }

    /// The verifier never panics on a statement, however its ranges lie.
    #[test]
    fn no_layout_of_ranges_makes_the_verifier_panic(
        ranges in prop::collection::vec((any::<u16>(), 0usize..40), 0..6),
        length in any::<u16>(),
        window in any::<u16>(),
    ) {
        let mut statement = usual();
        statement.received.shown = ranges
            .iter()
            .map(|&(offset, length)| mpctls::attestation::Shown { offset: offset.into(), bytes: vec![b'\n'; length] })
            .collect();
        statement.received.length = length.into();
        statement.commitments[0].length = window.into();
        let _verdict = crate::fixture::judge(statement);
    }
}
