//! What several tests of the service share.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod deployment;
pub mod postgres;

use service::party::compute::Stored;
use survey::Id;

/// Made-up columns of a session at one party: components that the three parties hold consistently.
pub fn columns(session: &Id, party: usize) -> Stored {
    let component = |j: usize| rep3::SealedComponent {
        bytes: Id::of_parts("component", &[session.as_bytes(), &[j as u8]]).0.to_vec(),
        salt: Id::of_parts("salt", &[session.as_bytes(), &[j as u8]]).0,
    };
    Stored(rep3::Sealed {
        own: component(party),
        next: component((party + 1) % 3),
        digests: std::array::from_fn(|j| component(j).digest(j)),
    })
}
