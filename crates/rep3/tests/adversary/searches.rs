//! A party that tries everything that is short until it has the digest that it was shown.

use std::time::Duration;

use algebra::{Bits, hmac};
use net::memory;
use net::tamper::{Tamper, on};
use net::world::World;
use rep3::network::{Network, Party};
use rep3::{BitShare, SealedComponent, and, deal_bits, seal};
use sha2::{Digest, Sha256};

use crate::common::{mine, seeded};

/// Gates of the batch: few enough that whoever knows the hash of their outputs can find these.
const GATES: usize = 8;

/// What one session showed.
struct Session {
    /// The clear outputs, which are never opened.
    outputs: Bits,
    /// What party 0 sent to its left neighbour: component 0 of the outputs.
    message: Vec<u8>,
    /// What party 0 told its right neighbour, party 1, about that message.
    digest: Vec<u8>,
    /// Party 1's components of the outputs: 1 and 2, but not 0.
    known: BitShare,
}

fn session(seed: u8) -> Session {
    let mut prg = seeded("searches", seed);
    let (x, y) = (prg.bits(GATES), prg.bits(GATES));
    let (shares_x, shares_y) = (deal_bits(&x, &mut prg), deal_bits(&y, &mut prg));
    let watch = Tamper::new();
    let networks = watch.wrap(memory::three_with(Duration::from_mins(1), u64::from(seed)));
    let networks = networks.map(|network| Box::new(network) as Box<dyn Network>);
    let [_, known, _] = World::new(u64::from(seed)).run_over(networks, |session| {
        let outputs = and(&mine(&shares_x, session), &mine(&shares_y, session), session)?;
        Ok(session.verify(outputs)?.into_inner())
    });
    let sent = watch.sent();
    let only = |select: net::tamper::Select| {
        let taken: Vec<_> = sent.iter().filter(|message| select.takes(message)).collect();
        assert_eq!(taken.len(), 1, "one such message in one batch");
        taken[0].bytes.clone()
    };
    Session {
        outputs: &x & &y,
        message: only(on().step("and").from(Party::P0).to(Party::P2)),
        digest: only(on().step("verify/digests").from(Party::P0).to(Party::P1))[..32].to_vec(),
        known: known.expect("honest parties do not abort"),
    }
}

/// The outputs, found by trying every message that party 0 can have sent.
fn search(session: &Session, digest: &[u8], hash: &dyn Fn(&[u8]) -> [u8; 32]) -> Option<Bits> {
    let message = (0..=u8::MAX).find(|&message| hash(&[message])[..] == *digest)?;
    let mut outputs = Bits::from_bytes(&[message], GATES).expect("eight bits are a byte");
    outputs ^= &session.known.own;
    outputs ^= &session.known.next;
    Some(outputs)
}

/// What the salt of a transcript's digest is for.
#[test]
fn a_transcript_digest_gives_up_a_small_batch_unless_it_is_salted() {
    let bare = |message: &[u8]| -> [u8; 32] { Sha256::digest(message).into() };
    let guessed = |message: &[u8]| hmac(&[0; 32], &bare(message));
    for seed in 0..20 {
        let session = session(seed);
        let found = search(&session, &bare(&session.message), &bare);
        assert_eq!(
            found,
            Some(session.outputs.clone()),
            "an unsalted digest discloses the outputs, seed {seed}"
        );
        assert_eq!(search(&session, &session.digest, &bare), None, "seed {seed}");
        assert_eq!(search(&session, &session.digest, &guessed), None, "seed {seed}");
    }
}

/// What the salt of a sealed component is for: all parties and the consumer see all digests, and a column may be narrow.
#[test]
fn a_sealed_digest_gives_up_a_narrow_column_unless_it_is_salted() {
    for seed in 0..20 {
        let mut prg = seeded("sealed", seed);
        let clear = prg.bits(GATES);
        let shares = deal_bits(&clear, &mut prg);
        let [_, sealed, _] = World::new(u64::from(seed)).run(|session| {
            let column = session.verify(mine(&shares, session))?;
            seal(&column, session)
        });
        let sealed = sealed.expect("honest parties do not abort");
        // Party 1 does not have component 0. It tries all of them, with the salts that it knows or could guess.
        let found = |digest: [u8; 32], salt: [u8; 32]| {
            let candidate = |byte: u8| SealedComponent { bytes: vec![byte], salt };
            (0..=u8::MAX).find(|&byte| candidate(byte).digest(0) == digest)
        };
        let component = shares[0].own.to_bytes();
        let unsalted = SealedComponent { bytes: component.clone(), salt: [0; 32] }.digest(0);
        assert_eq!(
            found(unsalted, [0; 32]),
            Some(component[0]),
            "an unsalted digest gives it up, seed {seed}"
        );
        for salt in [[0; 32], sealed.own.salt, sealed.next.salt] {
            assert_eq!(found(sealed.digests[0], salt), None, "seed {seed}");
        }
    }
}
