//! The session itself: what each call of TLS makes prover and notary do.

use circuit::bits;
use twopc::garble;
use twopc::message::{recv_array, recv_exact};
use twopc::ole::{OleField as _, P256Base, Role};
use twopc::quicksilver::Proof as _;

use super::super::MpcError;
use super::super::circuits::{FINISHED, GOODBYE, REQUEST, Step};
use super::super::exchange::{self, Party};
use super::super::ghash::{self, Powers};
use super::super::prf;
use super::super::replay;
use super::{Phase, State, point_commitment};
use crate::tls::{Sealed, ServerKey, Side};

impl State {
    pub(super) fn client_share(&mut self) -> Result<[u8; 65], MpcError> {
        self.advance(Phase::Prepared, Phase::Shared)?;
        let mine = self.secret.point();
        self.channel.send(&point_commitment(&mine))?;
        let theirs = recv_array(&mut *self.channel, "key share")?;
        self.channel.send(&mine)?;
        self.channel.flush()?;
        let share = exchange::add(&mine, &theirs)?;
        self.log.client_share = share.to_vec();
        Ok(share)
    }

    pub(super) fn agree(&mut self, server: &[u8]) -> Result<(), MpcError> {
        self.advance(Phase::Shared, Phase::Agreed)?;
        let point = exchange::decode(server)?;
        self.log.server_share = server.to_vec();
        self.channel.send(server)?;
        let coordinates = self.secret.times(&point).ok_or(MpcError::Exchange("a point at infinity"))?;
        let runs = [
            (Role::Sender, std::mem::take(&mut self.sending)),
            (Role::Receiver, std::mem::take(&mut self.receiving)),
        ];
        let mut shares = Vec::with_capacity(512);
        for (role, oles) in runs {
            let channel = &mut *self.channel;
            let share = exchange::share_sum(Party::Prover, role, oles, coordinates, channel, &mut self.rng)?;
            shares.extend(share.bits());
            self.my_shares.push(share);
        }
        let mut proof = self.proof.on(&mut self.cots, &mut *self.channel);
        let mut wires = proof.commit(512, || shares.clone())?;
        proof.sync()?;
        let second = wires.split_off(256);
        self.committed.shares = [wires, second];
        let labels = self.garbler.encode(&self.shares[..2].concat(), &shares);
        garble::send_labels(&labels, &mut *self.channel)?;
        garble::send_inputs(&self.shares[2..].concat(), &mut self.labels, &mut *self.channel)?;

        let index = self.run(Step::Premaster, &[])?;
        let shown = self.learn(&[index])?;
        self.inner = Some(replay::premaster(&shown)?);
        Ok(())
    }

    pub(super) fn master_secret(&mut self, session_hash: &[u8; 32]) -> Result<(), MpcError> {
        self.advance(Phase::Agreed, Phase::Master)?;
        self.channel.send(session_hash)?;
        self.log.session_hash = *session_hash;
        self.expand(&prf::master_seed(session_hash))?;
        let midstate = self.open(Step::Master, &[])?;
        self.inner = Some(replay::midstate(&midstate)?);
        Ok(())
    }

    pub(super) fn key_block(
        &mut self,
        server_random: &[u8; 32],
        client_random: &[u8; 32],
    ) -> Result<(), MpcError> {
        self.advance(Phase::Master, Phase::Keys)?;
        self.channel.send(&[&server_random[..], client_random].concat())?;
        (self.log.server_random, self.log.client_random) = (*server_random, *client_random);
        self.expand(&prf::key_block_seed(server_random, client_random))?;
        self.run(Step::Keys, &[])?;
        let index = self.run(Step::GhashKey, &[])?;
        let key = ghash::element(&self.colours(index)?);
        let count = ghash::powers_for(self.caps.request.max(16));
        let oles = std::mem::take(&mut self.powers_oles);
        let channel = &mut *self.channel;
        self.powers = Some(Powers::new(Role::Receiver, key, count, oles, channel, &mut self.rng)?);
        Ok(())
    }

    pub(super) fn finished(&mut self, side: Side, hash: &[u8; 32]) -> Result<[u8; 12], MpcError> {
        match side {
            Side::Client => self.advance(Phase::Keys, Phase::ClientFinished)?,
            Side::Server => self.advance(Phase::Opened, Phase::ServerFinished)?,
        }
        self.channel.send(hash)?;
        let inner = self.inner()?;
        let seed = prf::finished_seed(side, hash);
        let chain = self.open(Step::Chain, &bits::from_bytes(&inner.hash(&[&seed])))?;
        let data = self.open(Step::VerifyData, &bits::from_bytes(&inner.hash(&[&chain, &seed])))?;
        self.log.finished(side, hash, &data)
    }

    pub(super) fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, MpcError> {
        let (sequence, from, to) = match content_type {
            22 => (FINISHED, Phase::ClientFinished, Phase::SaidFinished),
            23 => (REQUEST, Phase::ServerFinished, Phase::SaidRequest),
            _ => (GOODBYE, Phase::SaidRequest, Phase::SaidGoodbye),
        };
        self.advance(from, to)?;
        let length = plaintext.len();
        if sequence == REQUEST && length > self.caps.request {
            return Err(MpcError::Caps { request: self.caps.request, response: self.caps.response });
        }
        let fits = match sequence {
            FINISHED => length == 16,
            REQUEST => length > 0,
            _ => content_type == 21 && length == 2,
        };
        if !fits {
            return Err(MpcError::OutOfOrder("a record that the session has no room for"));
        }
        if sequence != FINISHED {
            self.channel.send(&(length as u32).to_le_bytes())?;
        }
        // Blocks of the request that are not needed are left out.
        let mask = Step::Mask { sequence };
        self.cursor = self.program.iter().position(|step| *step == mask).unwrap_or(self.program.len());
        let mask = self.run(mask, &[])?;
        let blocks = (0..length.div_ceil(16) as u32)
            .map(|block| self.run(Step::ClientStream { sequence, block }, &[]))
            .collect::<Result<Vec<_>, _>>()?;
        let keystream = bits::to_bytes(&self.learn(&blocks)?);
        let ciphertext: Vec<u8> = plaintext.iter().zip(keystream).map(|(a, b)| a ^ b).collect();

        let mut sealed =
            Sealed { content_type, sequence, nonce: sequence.to_be_bytes(), ciphertext, tag: [0; 16] };
        let powers = self.powers.as_ref().ok_or(MpcError::OutOfOrder("no tag key"))?;
        let mine = powers.tag(self.colours(mask)?, &sealed.additional_data(), &sealed.ciphertext);
        self.channel.send(&sealed.ciphertext)?;
        self.channel.send(&mine)?;
        let theirs: [u8; 16] = recv_array(&mut *self.channel, "tag share")?;
        sealed.tag = std::array::from_fn(|i| mine[i] ^ theirs[i]);
        let fragment = [&sealed.nonce[..], &sealed.ciphertext, &sealed.tag].concat();
        self.log.sealed.push(sealed);
        Ok(fragment)
    }

    pub(super) fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, MpcError> {
        self.advance(Phase::SaidFinished, Phase::Opened)?;
        let (Some((nonce, rest)), 40) = (fragment.split_first_chunk::<8>(), fragment.len()) else {
            return Err(MpcError::Contradiction("the server's Finished has another length"));
        };
        self.channel.send(nonce)?;
        self.log.server_nonce = *nonce;
        let index = self.run(Step::ServerStream, &bits::from_bytes(nonce))?;
        let keystream = bits::to_bytes(&self.learn(&[index])?);
        // The tag is checked with all others in the proof. TLS compares this with the verify_data it expects.
        Ok(rest.iter().zip(keystream).map(|(a, b)| a ^ b).collect())
    }

    pub(super) fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, MpcError> {
        if self.phase == Phase::SaidRequest {
            self.phase = Phase::SaidGoodbye;
        }
        self.advance(Phase::SaidGoodbye, Phase::Revealed)?;
        self.channel.send(&0u32.to_le_bytes())?;
        self.channel.send(client)?;
        self.channel.send(server)?;
        let opened = recv_exact(&mut *self.channel, 64, "the notary's inputs")?;
        let digest = recv_array(&mut *self.channel, "digest of the notary's inputs")?;
        let opened = bits::from_bytes(&opened);
        if !self.garbler.confirms(&self.shares[2..].concat(), &opened, &digest) {
            return Err(twopc::Error::Cheating { what: "opened inputs" }.into());
        }
        let theirs = P256Base::read(&bits::to_bytes(&opened[..256]));
        let (Some(&mine), Some(theirs)) = (self.my_shares.first(), theirs) else {
            return Err(MpcError::Contradiction("the notary's share is no field element"));
        };
        self.log.notary_shares = opened;
        let premaster = zeroize::Zeroizing::new((mine + theirs).to_be_bytes());
        let master = prf::expand::<48>(&premaster[..], &prf::master_seed(&self.log.session_hash));
        let seed = prf::key_block_seed(&self.log.server_random, &self.log.client_random);
        let block = prf::expand::<40>(&master[..], &seed);
        let mut key = ServerKey { key: [0; 16], iv: [0; 4] };
        key.key.copy_from_slice(&block[16..32]);
        key.iv.copy_from_slice(&block[36..]);
        Ok(key)
    }
}
