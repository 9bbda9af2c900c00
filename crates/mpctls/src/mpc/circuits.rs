//! The steps that run under garbling, and again in the proof.

use circuit::sha256::{BLOCK, State};
use circuit::{Backend, aes, arith, bits, hmac, sha256};
use std::convert::Infallible;
use std::sync::LazyLock;
use twopc::ole::P256Base;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Adds both pairs of shares of the premaster secret and keys HMAC with the first sum. Shows whether the sums
    /// agree, and the inner midstate.
    Premaster,
    /// HMAC's outer hash of a public inner hash, shown: a chain value A(i) of the PRF (RFC 5246, section 5).
    Chain,
    /// The same, kept: output of the PRF.
    Block,
    /// Keys HMAC with the master secret. Shows the inner midstate.
    Master,
    /// Cuts the key block and schedules both AES keys.
    Keys,
    /// GHASH's key for what the client sends.
    GhashKey,
    /// HMAC's outer hash of a public inner hash, its first 12 bytes shown.
    VerifyData,
    /// The block that masks the tag of the client's record.
    Mask {
        /// The record's sequence number.
        sequence: u64,
    },
    /// A block of the client's keystream.
    ClientStream {
        /// The record's sequence number, which is also its explicit nonce.
        sequence: u64,
        /// The block within the record.
        block: u32,
    },
    /// The first block of the server's keystream under a public explicit nonce: it opens the Finished message.
    ServerStream,
}

/// Who sees a step's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nobody: it stays on wires.
    Nobody,
    /// Both parties.
    Both,
    /// The prover.
    Prover,
    /// Nobody: each party keeps a share.
    Shared,
}

impl Step {
    /// Public input bits that are not known when the step is garbled.
    pub fn publics(self) -> usize {
        match self {
            Self::Chain | Self::Block | Self::VerifyData => 256,
            Self::ServerStream => 64,
            _ => 0,
        }
    }

    /// Output bits, and who sees them.
    pub fn shown(self) -> (usize, Shown) {
        match self {
            Self::Premaster => (257, Shown::Both),
            Self::Chain | Self::Master => (256, Shown::Both),
            Self::VerifyData => (96, Shown::Both),
            Self::Block | Self::Keys => (0, Shown::Nobody),
            Self::GhashKey | Self::Mask { .. } => (128, Shown::Shared),
            Self::ClientStream { .. } | Self::ServerStream => (128, Shown::Prover),
        }
    }

    /// Output bits that the notary reports to the prover.
    pub fn reported(self) -> usize {
        match self.shown() {
            (count, Shown::Both | Shown::Prover) => count,
            (_, Shown::Nobody | Shown::Shared) => 0,
        }
    }

    /// AND gates: what garbling pays for.
    pub fn gates(self) -> usize {
        self.count(&GATES)
    }

    /// Bits that the prover commits to when the step is proven.
    pub fn proof_bits(self) -> usize {
        self.count(&PROOF_BITS)
    }

    fn count(self, counts: &[usize; 10]) -> usize {
        let same = |kind: &Step| std::mem::discriminant(kind) == std::mem::discriminant(&self);
        KINDS.iter().position(same).map_or(0, |kind| counts[kind])
    }
}

/// The sequence number of the client's Finished, its request, and its goodbye.
pub(super) const FINISHED: u64 = 0;
pub(super) const REQUEST: u64 = 1;
pub(super) const GOODBYE: u64 = 2;

/// Every step of a session whose request takes up to `blocks` blocks, in order. Online, the request may use fewer.
pub(super) fn program(blocks: usize) -> Vec<Step> {
    let mut steps = vec![Step::Premaster];
    let expansion = [Step::Chain, Step::Block, Step::Chain, Step::Block];
    steps.extend(expansion);
    steps.push(Step::Master);
    steps.extend(expansion);
    steps.extend([Step::Keys, Step::GhashKey]);
    steps.extend([Step::Chain, Step::VerifyData]);
    let mut record = |sequence, blocks| {
        steps.push(Step::Mask { sequence });
        steps.extend((0..blocks as u32).map(|block| Step::ClientStream { sequence, block }));
        if sequence == FINISHED {
            steps.extend([Step::ServerStream, Step::Chain, Step::VerifyData]);
        }
    };
    record(FINISHED, 1);
    record(REQUEST, blocks);
    record(GOODBYE, 1);
    steps
}

/// One of each kind, in an order in which they can run.
const KINDS: [Step; 10] = [
    Step::Premaster,
    Step::Chain,
    Step::Block,
    Step::Master,
    Step::Keys,
    Step::GhashKey,
    Step::VerifyData,
    Step::Mask { sequence: 0 },
    Step::ClientStream { sequence: 0, block: 0 },
    Step::ServerStream,
];

/// AND gates of each kind, counted once.
static GATES: LazyLock<[usize; 10]> = LazyLock::new(|| count(false));
/// Committed bits of each kind: one an AND gate, eight an inversion.
static PROOF_BITS: LazyLock<[usize; 10]> = LazyLock::new(|| count(true));

fn count(inverts: bool) -> [usize; 10] {
    let mut wires = Wires::new([const { [(); 256] }; 4].map(Vec::from));
    // Counting needs blocks to cut keys from: fill them as an expansion would.
    wires.block = vec![(); 512];
    KINDS.map(|step| {
        let mut counter = Counter { count: 0, inverts };
        let Ok(_) = wires.run(step, &vec![(); step.publics()], &mut counter);
        if matches!(step, Step::Master) {
            wires.block = vec![(); 512];
        }
        counter.count
    })
}

/// Counts without wires.
struct Counter {
    count: usize,
    /// Whether it inverts bytes in one go, as proofs do.
    inverts: bool,
}

impl Backend for Counter {
    type Wire = ();
    type Error = Infallible;

    fn constant(&mut self, _: bool) {}

    fn xor(&mut self, (): &(), (): &()) {}

    fn not(&mut self, (): &()) {}

    fn and(&mut self, pairs: &[((), ())]) -> Result<Vec<()>, Infallible> {
        self.count += pairs.len();
        Ok(vec![(); pairs.len()])
    }

    fn invert_bytes(&mut self, bytes: &[()]) -> Result<Option<Vec<()>>, Infallible> {
        if self.inverts {
            self.count += bytes.len();
        }
        Ok(self.inverts.then(|| bytes.to_vec()))
    }
}

/// One direction's record keys.
#[derive(Clone)]
pub(super) struct Direction<W> {
    pub key: Vec<W>,
    pub iv: Vec<W>,
    schedule: aes::Schedule<W>,
}

impl<W: Clone> Direction<W> {
    /// AES of the implicit nonce and 96 more bits.
    fn block<B: Backend<Wire = W>>(&self, rest: &[W], backend: &mut B) -> Result<Vec<W>, B::Error> {
        let block = [&self.iv[..], rest].concat();
        aes::encrypt(&self.schedule, &block, backend)
    }
}

/// What steps leave for later ones.
pub(super) struct Wires<W> {
    /// Two shares of the premaster secret of the prover, then two of the notary; least significant bit first.
    shares: [Vec<W>; 4],
    /// HMAC's outer midstate under the current key.
    outer: Vec<W>,
    /// Output of the PRF so far.
    block: Vec<W>,
    pub client: Option<Direction<W>>,
    pub server: Option<Direction<W>>,
}

impl<W: Clone> Wires<W> {
    pub fn new(shares: [Vec<W>; 4]) -> Self {
        Self { shares, outer: Vec::new(), block: Vec::new(), client: None, server: None }
    }

    /// Runs a step and returns its output. Steps come in the order of [`program`].
    pub fn run<B: Backend<Wire = W>>(
        &mut self,
        step: Step,
        publics: &[W],
        backend: &mut B,
    ) -> Result<Vec<W>, B::Error> {
        match step {
            Step::Premaster => self.premaster(backend),
            Step::Chain => self.mac(publics, backend),
            Step::Block => {
                let block = self.mac(publics, backend)?;
                self.block.extend(block);
                Ok(Vec::new())
            }
            Step::Master => {
                let master = std::mem::take(&mut self.block);
                self.key(&master[..384], backend)
            }
            Step::Keys => self.keys(backend),
            Step::GhashKey => {
                let zero = bits::constant_bytes(&[0; 16], backend);
                aes::encrypt(&self.client().schedule, &zero, backend)
            }
            Step::VerifyData => Ok(self.mac(publics, backend)?[..96].to_vec()),
            Step::Mask { sequence } => self.client_block(sequence, 1, backend),
            Step::ClientStream { sequence, block } => self.client_block(sequence, 2 + block, backend),
            Step::ServerStream => {
                let counter = bits::constant_bytes(&2u32.to_be_bytes(), backend);
                let Some(server) = &self.server else { unreachable!("keys come first") };
                server.block(&[publics, &counter].concat(), backend)
            }
        }
    }

    fn client(&self) -> &Direction<W> {
        let Some(client) = &self.client else { unreachable!("keys come first") };
        client
    }

    fn premaster<B: Backend<Wire = W>>(&mut self, backend: &mut B) -> Result<Vec<W>, B::Error> {
        let prime = P256Base::modulus_bits();
        let [p1, p2, n1, n2] = &self.shares;
        let first = arith::modular::add(p1, n1, &prime, backend)?;
        let second = arith::modular::add(p2, n2, &prime, backend)?;
        // Any difference: a tree of ORs, each `not (not a and not b)`.
        let mut same: Vec<W> = bits::xor(&first, &second, backend);
        same = bits::not(&same, backend);
        while same.len() > 1 {
            let pairs: Vec<_> = same.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            same = backend.and(&pairs)?;
        }
        // The premaster secret is the x-coordinate, most significant byte first (RFC 8422, section 5.10).
        let bytes: Vec<W> = first.rchunks(8).flatten().cloned().collect();
        same.extend(self.key(&bytes, backend)?);
        Ok(same)
    }

    /// Keys HMAC: keeps the outer midstate, returns the inner one.
    fn key<B: Backend<Wire = W>>(&mut self, key: &[W], backend: &mut B) -> Result<Vec<W>, B::Error> {
        let key = hmac::Key::new(key, backend)?;
        self.outer = key.outer.to_bytes();
        Ok(key.inner.to_bytes())
    }

    /// HMAC, given its inner hash.
    fn mac<B: Backend<Wire = W>>(&self, inner: &[W], backend: &mut B) -> Result<Vec<W>, B::Error> {
        sha256::finish(&State::from_bytes(&self.outer), BLOCK, inner, backend)
    }

    fn keys<B: Backend<Wire = W>>(&mut self, backend: &mut B) -> Result<Vec<W>, B::Error> {
        let block = std::mem::take(&mut self.block);
        let mut direction = |key: usize, iv: usize| {
            let key = block[8 * key..8 * key + 128].to_vec();
            let schedule = aes::schedule(&key, backend)?;
            Ok(Direction { key, iv: block[8 * iv..8 * iv + 32].to_vec(), schedule })
        };
        // RFC 5246, section 6.3, with no MAC keys.
        self.client = Some(direction(0, 32)?);
        self.server = Some(direction(16, 36)?);
        Ok(Vec::new())
    }

    fn client_block<B: Backend<Wire = W>>(
        &self,
        sequence: u64,
        counter: u32,
        backend: &mut B,
    ) -> Result<Vec<W>, B::Error> {
        let rest = [&sequence.to_be_bytes()[..], &counter.to_be_bytes()].concat();
        let rest = bits::constant_bytes(&rest, backend);
        self.client().block(&rest, backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_as_many_as_the_design_says() {
        assert_eq!(Step::Chain.gates(), 22_573);
        assert_eq!(Step::Master.gates(), 2 * 22_573);
        assert_eq!(Step::Keys.gates(), 2 * 1_280);
        let block = Step::ClientStream { sequence: 5, block: 7 };
        assert_eq!((block.gates(), block.proof_bits()), (5_120, 1_280));
        assert_eq!(Step::Chain.proof_bits(), 22_573);
        let total: usize = program(64).into_iter().map(Step::gates).sum();
        // 1 KB of request: 32 bytes a gate make at most 24 MB of tables.
        assert!(32 * total < 24_000_000, "{total} gates");
    }
}
