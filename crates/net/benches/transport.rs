//! Round trips and throughput of the transport between three processes on loopback.
//!
//! `cargo bench -p net --bench transport` starts itself twice more, as parties 1 and 2.

use std::error::Error;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use net::Identity;
use net::tcp::{Peer, Transport, TransportConfig};
use rep3::network::{Network, NetworkError, Party, Step};

const STEP: Step = Step("bench");
const ROUNDS: u32 = 20_000;
const BULK: usize = 8 << 20;
const BULKS: u32 = 40;

fn identity(party: Party) -> Identity {
    Identity::from_key(SigningKey::from_bytes(&[party.index() as u8 + 1; 32]))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, me, addresses @ ..] = arguments.as_slice()
        && role == "party"
    {
        return party(Party::from_index(me.parse()?), addresses);
    }
    let addresses = [0, 1, 2].map(|_| TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()));
    let addresses: Vec<_> =
        addresses.into_iter().map(|a| a.map(|a| a.to_string())).collect::<Result<_, _>>()?;
    let mut others = Vec::new();
    for index in ["1", "2"] {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        others.push(command.args(["party", index]).args(&addresses).spawn()?);
    }
    party(Party::P0, &addresses)?;
    for mut other in others {
        other.wait()?;
    }
    Ok(())
}

fn party(me: Party, addresses: &[String]) -> Result<(), Box<dyn Error>> {
    let peer =
        |party: Party| Peer { key: identity(party).public(), address: addresses[party.index()].clone() };
    let transport = Transport::start(TransportConfig {
        me,
        identity: identity(me),
        left: peer(me.left()),
        right: peer(me.right()),
        patience: Duration::from_secs(30),
    })?;
    transport.listen(TcpListener::bind(&addresses[me.index()])?)?;
    let mut session = transport.open([0; 32])?;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        round_trip(&mut session)?;
    }
    report(me, "round trip, P0 to P1 and back", start.elapsed() / ROUNDS);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        exchange(&mut session, 16)?;
    }
    report(me, "round in which all three send and receive", start.elapsed() / ROUNDS);
    let start = Instant::now();
    for _ in 0..BULKS {
        exchange(&mut session, BULK)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    if me == Party::P0 {
        let rate = BULK as f64 * f64::from(BULKS) / seconds / 1e6;
        println!("all three send to the left at once: {rate:.0} MB/s each");
    }
    Ok(())
}

fn report(me: Party, what: &str, each: Duration) {
    if me == Party::P0 {
        println!("{what}: {:.1} us", each.as_secs_f64() * 1e6);
    }
}

fn round_trip(network: &mut impl Network) -> Result<(), NetworkError> {
    match network.me() {
        Party::P0 => {
            network.send(Party::P1, STEP, vec![0; 16])?;
            network.flush()?;
            network.recv(Party::P1, STEP, 16).map(|_| ())
        }
        Party::P1 => {
            let message = network.recv(Party::P0, STEP, 16)?;
            network.send(Party::P0, STEP, message)?;
            network.flush()
        }
        Party::P2 => Ok(()),
    }
}

fn exchange(network: &mut impl Network, length: usize) -> Result<(), NetworkError> {
    let me = network.me();
    network.send(me.left(), STEP, vec![0; length])?;
    network.flush()?;
    network.recv(me.right(), STEP, length).map(|_| ())
}
