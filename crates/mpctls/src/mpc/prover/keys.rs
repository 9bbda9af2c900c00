//! The seam between TLS and the session: rustls calls, the session's state answers.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::{MpcError, exchange};
use super::{Phase, State};
use crate::tls::{KeysError, ServerKey, SessionKeys, Side};

/// The seam's side of a [`Prover`].
pub(super) struct Keys(pub(super) Arc<Mutex<State>>);

impl Keys {
    /// Runs a call; after an error the session is over.
    fn call<T>(&self, call: impl FnOnce(&mut State) -> Result<T, MpcError>) -> Result<T, KeysError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut state).map_err(|error| {
            state.phase = Phase::Broken;
            error.into()
        })
    }
}

impl SessionKeys for Keys {
    fn client_share(&mut self) -> Result<[u8; 65], KeysError> {
        self.call(State::client_share)
    }

    fn agree(&mut self, server_share: &[u8]) -> Result<(), KeysError> {
        exchange::decode(server_share).map_err(|_| KeysError::BadShare)?;
        self.call(|state| state.agree(server_share))
    }

    fn master_secret(&mut self, session_hash: &[u8; 32]) -> Result<(), KeysError> {
        self.call(|state| state.master_secret(session_hash))
    }

    fn key_block(&mut self, server_random: &[u8; 32], client_random: &[u8; 32]) -> Result<(), KeysError> {
        self.call(|state| state.key_block(server_random, client_random))
    }

    fn finished(&mut self, side: Side, handshake_hash: &[u8; 32]) -> Result<[u8; 12], KeysError> {
        self.call(|state| state.finished(side, handshake_hash))
    }

    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, KeysError> {
        self.call(|state| state.seal(content_type, plaintext))
    }

    fn open_finished(&mut self, fragment: &[u8]) -> Result<Vec<u8>, KeysError> {
        self.call(|state| state.open_finished(fragment))
    }

    fn reveal(&mut self, client: &[u8], server: &[u8]) -> Result<ServerKey, KeysError> {
        self.call(|state| state.reveal(client, server))
    }
}
