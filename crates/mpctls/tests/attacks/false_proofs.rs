//! A prover that proves one thing and claims another. The modified prover runs the proof of what is true; the
//! notary checks what was claimed. Whatever differs, the notary must notice.

use circuit::Backend;
use mpctls::attestation::Statement;
use mpctls::proof;
use mpctls::tls::Session;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use std::sync::LazyLock;
use twopc::Error;
use twopc::ot::{CotReceiver, CotSender};
use twopc::quicksilver::{Proof, Prover, Proving, Verifier};

use crate::fixture::from_disclosure;
use crate::support::{
    Authority, BODY, Goodbye, HOST, PATIENCE, captured_request, response, secrets, site, source,
};

/// One honest session to lie about.
struct Truth {
    client: Vec<u8>,
    server: Vec<u8>,
    master: [u8; 48],
    statement: Statement,
    openings: Vec<mpctls::Opening>,
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let authority = Authority::new();
    let port = site(&authority.ordinary(), |_| response(BODY), Goodbye::Clean);
    let source = source();
    let request = source.render(&secrets(), crate::fixture::TIME * 1000).unwrap();
    let (fetched, master) = captured_request(&authority, HOST, port, &request.bytes, PATIENCE).unwrap();
    let disclosure = source.disclose(&request, &fetched.response, false).unwrap();
    let (statement, openings) = from_disclosure(disclosure, &fetched.response);
    Truth { client: fetched.client, server: fetched.server, master: *master, statement, openings }
});

/// What the notary says to `claimed` over `server`'s stream while the prover proves the truth.
fn claim(claimed: &Statement, server: &[u8]) -> Result<(), proof::ProofError> {
    claim_while_proving(&TRUTH.statement, claimed, server)
}

/// What the notary says to `claimed` while the prover goes through the proof of `proven`, even where it is false.
fn claim_while_proving(
    proven: &Statement,
    claimed: &Statement,
    server: &[u8],
) -> Result<(), proof::ProofError> {
    let truth = &*TRUTH;
    let honest = Session::read(&truth.client, &truth.server).unwrap();
    let seen = Session::read(&truth.client, server).unwrap();
    let (mut left, mut right) = net::memory::pair();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let mut cots = CotReceiver::setup(&mut left, &mut rng).unwrap();
            let mut prover = Prover::new();
            let mut proof = Bold(prover.on(&mut cots, &mut left));
            let (master, openings) = (Some(&truth.master), Some(&truth.openings[..]));
            let _told = proof::session(&mut proof, &honest, proven, master, openings);
        });
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let mut cots =
            CotSender::setup(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835, &mut right, &mut rng).unwrap();
        let mut verifier = Verifier::new(&mut rng);
        let verdict = proof::session(&mut verifier.on(&mut cots, &mut right), &seen, claimed, None, None);
        drop(right);
        verdict
    })
}

/// A prover that goes on where an honest one sees that a statement is false.
struct Bold<'a>(Proving<'a>);

impl Backend for Bold<'_> {
    type Wire = <Proving<'static> as Backend>::Wire;
    type Error = Error;

    fn constant(&mut self, bit: bool) -> Self::Wire {
        self.0.constant(bit)
    }

    fn xor(&mut self, a: &Self::Wire, b: &Self::Wire) -> Self::Wire {
        self.0.xor(a, b)
    }

    fn not(&mut self, a: &Self::Wire) -> Self::Wire {
        self.0.not(a)
    }

    fn and(&mut self, pairs: &[(Self::Wire, Self::Wire)]) -> Result<Vec<Self::Wire>, Error> {
        self.0.and(pairs)
    }

    fn invert_bytes(&mut self, bytes: &[Self::Wire]) -> Result<Option<Vec<Self::Wire>>, Error> {
        self.0.invert_bytes(bytes)
    }
}

impl Proof for Bold<'_> {
    fn commit(&mut self, count: usize, bits: impl FnOnce() -> Vec<bool>) -> Result<Vec<Self::Wire>, Error> {
        self.0.commit(count, bits)
    }

    fn assert_zero(&mut self, wires: &[Self::Wire]) -> Result<(), Error> {
        match self.0.assert_zero(wires) {
            Err(Error::FalseStatement) => Ok(()),
            other => other,
        }
    }

    fn reveal(&mut self, wires: &[Self::Wire]) -> Result<Vec<bool>, Error> {
        self.0.reveal(wires)
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.0.sync()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.0.finish()
    }
}

#[test]
fn the_truth_is_accepted() {
    assert_eq!(claim(&TRUTH.statement, &TRUTH.server), Ok(()));
}

#[test]
fn other_bytes_than_the_server_sent() {
    let mut claimed = TRUTH.statement.clone();
    let last = claimed.received.shown.last_mut().unwrap();
    let digit = last.bytes.iter().rposition(u8::is_ascii_digit).unwrap();
    last.bytes[digit] ^= 1;
    assert!(claim(&claimed, &TRUTH.server).is_err());
}

#[test]
fn other_bytes_than_the_prover_sent() {
    let mut claimed = TRUTH.statement.clone();
    claimed.sent.shown[0].bytes[1] ^= 1;
    assert!(claim(&claimed, &TRUTH.server).is_err());
}

#[test]
fn a_commitment_to_another_value() {
    // The digest of a window with a larger balance in it: the opening that the prover would like to have.
    let mut claimed = TRUTH.statement.clone();
    let place = &claimed.commitments[0];
    let richer = b"99999999.00000000\",\"lock";
    claimed.commitments[0] = crate::fixture::commitment("free", place.offset as usize, richer);
    assert!(claim(&claimed, &TRUTH.server).is_err());
}

#[test]
fn a_class_that_hidden_bytes_are_not_of() {
    // The private window holds quotes; the claim says that they are characters of a URL.
    let mut truth = TRUTH.statement.clone();
    let place = truth.commitments[0].clone();
    truth.received.classes.push(mpctls::attestation::Classed {
        offset: place.offset,
        length: place.length,
        class: mpctls::class::Class::Url,
    });
    let cheating = proof::ProofError::Protocol(Error::Cheating { what: "zero-knowledge proof" });
    assert_eq!(claim_while_proving(&truth, &truth, &TRUTH.server), Err(cheating));
}

#[test]
fn a_record_with_another_tag_or_other_ciphertext() {
    // As if the prover had changed what the server sent on its way through the notary.
    let server = &TRUTH.server;
    let records = mpctls::tls::record::split(server).unwrap();
    let position = records.iter().position(|record| record.content_type == 23).unwrap();
    let start: usize = records[..position].iter().map(|record| 5 + record.fragment.len()).sum();
    let end = start + 5 + records[position].fragment.len();
    for at in [start + 5 + 8, start + 5 + 100, end - 1] {
        let mut changed = server.clone();
        changed[at] ^= 1;
        assert!(claim(&TRUTH.statement, &changed).is_err(), "byte {at}");
    }
}

#[test]
fn a_longer_or_shorter_response() {
    for change in [-1i64, 1] {
        let mut claimed = TRUTH.statement.clone();
        claimed.received.length = (i64::from(claimed.received.length) + change) as u32;
        assert_eq!(claim(&claimed, &TRUTH.server), Err(proof::ProofError::Range));
    }
}
