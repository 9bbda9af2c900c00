//! The key exchange: ECDHE over P-256 with a client secret that neither party has.
//!
//! Each party has a scalar. The client's share is the sum of their points, so the common point with the server is
//! the sum of what each gets from the server's share, and its x-coordinate is the premaster secret. Additive shares
//! of it come from shares of the slope (2023/964, figure 16): `x = ((y1 - y2) / (x1 - x2))^2 - x1 - x2`.

use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{NonZeroScalar, ProjectivePoint, PublicKey};
use rand::CryptoRng;
use twopc::channel::Channel;
use twopc::ole::{self, Ole, OleField as _, P256Base, Role};
use zeroize::Zeroizing;

use super::MpcError;

/// OLEs that one run takes.
pub(super) const OLES: usize = 3;

/// One party's part of the client's ephemeral secret.
pub(super) struct Secret(Zeroizing<NonZeroScalar>);

impl Secret {
    /// A random one.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(NonZeroScalar::generate_from_rng(rng)))
    }

    /// Its point, uncompressed.
    pub fn point(&self) -> [u8; 65] {
        encode(ProjectivePoint::GENERATOR * **self.0).unwrap_or([0; 65])
    }

    /// Coordinates of this secret times the server's share.
    pub fn times(&self, server: &PublicKey) -> Option<[P256Base; 2]> {
        let point = (server.to_projective() * **self.0).to_affine();
        let coordinate = |bytes: &[u8]| P256Base::from_be_bytes(bytes.try_into().ok()?);
        Some([coordinate(point.x().as_ref())?, coordinate(point.y().as_ref())?])
    }
}

fn encode(point: ProjectivePoint) -> Option<[u8; 65]> {
    point.to_affine().to_sec1_point(false).as_bytes().try_into().ok()
}

/// Decodes an uncompressed point on the curve, not at infinity.
pub(super) fn decode(point: &[u8]) -> Result<PublicKey, MpcError> {
    if point.len() != 65 {
        return Err(MpcError::Exchange("a key share is not an uncompressed point"));
    }
    PublicKey::from_sec1_bytes(point).map_err(|_| MpcError::Exchange("a key share is not on the curve"))
}

/// The sum of two parties' points.
pub(super) fn add(mine: &[u8; 65], theirs: &[u8; 65]) -> Result<[u8; 65], MpcError> {
    let sum = decode(mine)?.to_projective() + decode(theirs)?.to_projective();
    encode(sum).ok_or(MpcError::Exchange("the parties' key shares cancel out"))
}

/// Whose coordinates are subtracted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Prover,
    Notary,
}

/// One run: an additive share of the x-coordinate of the sum of both parties' points.
pub(super) fn share_sum(
    party: Party,
    role: Role,
    mut oles: Vec<Ole<P256Base>>,
    [x, y]: [P256Base; 2],
    channel: &mut dyn Channel,
    rng: &mut impl CryptoRng,
) -> Result<P256Base, MpcError> {
    let last = oles.split_off(oles.len().saturating_sub(1));
    let zero = P256Base::ZERO;
    let differences = match party {
        Party::Prover => [x, y],
        Party::Notary => [zero - x, zero - y],
    };
    let factors = ole::to_multiplicative(role, oles, &differences, channel, rng)?;
    let [dx, dy] = factors[..] else { return Err(MpcError::Exchange("too few OLEs")) };
    let inverse = dx.inverse().ok_or(MpcError::Exchange("equal x-coordinates"))?;
    let slope = dy * inverse;
    let squares = ole::multiply(role, last, &[slope * slope], channel)?;
    let [square] = squares[..] else { return Err(MpcError::Exchange("too few OLEs")) };
    Ok(square - x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_none_are_refused() {
        assert!(decode(&[4; 65]).is_err());
        assert!(decode(&[0; 1]).is_err());
        let mut negated = Secret::random(&mut rand::rng()).point();
        let point = negated;
        let y = P256Base::from_be_bytes(&negated[33..].try_into().unwrap_or([0; 32]));
        let Some(y) = y else { unreachable!("a coordinate") };
        negated[33..].copy_from_slice(&(P256Base::ZERO - y).to_be_bytes());
        assert_eq!(add(&point, &negated), Err(MpcError::Exchange("the parties' key shares cancel out")));
    }
}
