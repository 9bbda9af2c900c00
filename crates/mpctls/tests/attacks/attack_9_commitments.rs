//! Attack 9: commitments replayed in another session, direction or field.

use mpctls::Direction;
use mpctls::commitment::domain;

use crate::fixture::{SESSION, honest, judge};
use crate::support::{BODY, response, source};

#[test]
fn a_commitment_opens_in_its_own_place_only() {
    let (statement, openings) = honest(&source(), &response(BODY));
    let said = judge(statement.clone()).unwrap();
    let here = &said.private["free"];
    assert!(openings[0].opens(&here.domain, &here.digest));

    let place = &statement.commitments[0];
    let (offset, length) = (place.offset, place.length);
    let received = Direction::Received;
    assert_eq!(here.domain, domain(&SESSION, received, offset, length, "free"));
    for elsewhere in [
        domain(&[4; 32], received, offset, length, "free"),
        domain(&SESSION, Direction::Sent, offset, length, "free"),
        domain(&SESSION, received, offset + 1, length, "free"),
        domain(&SESSION, received, offset, length + 1, "free"),
        domain(&SESSION, received, offset, length, "locked"),
    ] {
        assert!(!openings[0].opens(&elsewhere, &here.digest));
    }
}

#[test]
fn a_commitment_copied_into_another_session_does_not_open_there() {
    // Somebody else's attestation carries a copy of the digest: its domain is another, so the copier, who does
    // not know the value anyway, has nothing to open.
    let (mut statement, openings) = honest(&source(), &response(BODY));
    statement.session = [5; 32];
    let said = judge(statement).unwrap();
    let copied = &said.private["free"];
    assert!(!openings[0].opens(&copied.domain, &copied.digest));
}

#[test]
fn a_commitment_in_the_other_direction_is_refused() {
    let (mut statement, _) = honest(&source(), &response(BODY));
    statement.commitments[0].direction = Direction::Sent;
    assert_eq!(judge(statement), Err("commitment_range"));
}
