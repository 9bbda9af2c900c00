//! Connections to websites: the notary's in `proxy` mode, the prover's in `mpc` mode.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::{Connect, StreamLink};
use crate::tls::Link;

/// How long a connection may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Resolves names and connects. A notary refuses private addresses, so that no prover can use it as a way into the
/// network it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Outbound {
    /// Connect to private addresses too.
    pub private_addresses: bool,
}

impl Connect for Outbound {
    fn connect(&self, host: &str, port: u16) -> Result<Box<dyn Link>, String> {
        let mut why = "the name has no address".to_owned();
        for address in (host, port).to_socket_addrs().map_err(|e| e.to_string())? {
            if !self.private_addresses && !is_public(address.ip()) {
                "its address is not a public one".clone_into(&mut why);
                continue;
            }
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(Box::new(StreamLink::new(stream).map_err(|e| e.to_string())?)),
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4().map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

/// Everything but the special-purpose blocks of RFC 6890.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18))
}

/// Global unicast (2000::/3) without documentation and the ways back into IPv4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_networks_are_not_public() {
        for inside in [
            "10.1.2.3",
            "127.0.0.1",
            "192.168.0.1",
            "172.20.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "::",
            "2002:a00:1::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_prover_cannot_reach_the_notary_s_own_network() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(Outbound { private_addresses: false }.connect("localhost", port).is_err());
        assert!(Outbound { private_addresses: true }.connect("localhost", port).is_ok());
    }
}
