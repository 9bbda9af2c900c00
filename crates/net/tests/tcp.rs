//! Three transports on loopback, and peers that break the rules.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use net::tcp::{Peer, Transport, TransportConfig};
use net::{Identity, tls};
use rep3::network::{Network, NetworkError, Party, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const STEP: Step = Step("test");
/// For who waits in vain.
const SHORT: Duration = Duration::from_millis(400);
/// For who does not, on a machine however busy.
const LONG: Duration = Duration::from_mins(2);

fn identity(index: u8) -> Identity {
    Identity::from_key(SigningKey::from_bytes(&[index + 1; 32]))
}

/// Bound ports, so that addresses are known before the parties start.
fn listeners() -> [TcpListener; 3] {
    [0, 1, 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
}

fn addresses(listeners: &[TcpListener; 3]) -> [String; 3] {
    listeners.each_ref().map(|listener| listener.local_addr().unwrap().to_string())
}

fn config(me: Party, addresses: &[String; 3], patience: Duration) -> TransportConfig {
    let peer = |party: Party| Peer {
        key: identity(party.index() as u8).public(),
        address: addresses[party.index()].clone(),
    };
    let identity = identity(me.index() as u8);
    TransportConfig { me, identity, left: peer(me.left()), right: peer(me.right()), patience }
}

fn start(config: TransportConfig, listener: &TcpListener) -> Transport {
    let transport = Transport::start(config).unwrap();
    transport.listen(listener.try_clone().unwrap()).unwrap();
    transport
}

fn world(patience: Duration) -> [Transport; 3] {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    Party::ALL.map(|me| start(config(me, &addresses, patience), &listeners[me.index()]))
}

/// Waits until parties 1 and 2 are linked.
fn link(p1: &Transport, p2: &Transport) {
    while !(p1.connected()[1] && p2.connected()[0]) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs one closure per party, each on a thread of its own with a session.
fn run<T: Send>(
    world: &[Transport; 3],
    session: [u8; 32],
    act: impl Fn(net::tcp::Session) -> T + Sync,
) -> [T; 3] {
    std::thread::scope(|scope| {
        let act = &act;
        world
            .each_ref()
            .map(|transport| scope.spawn(move || act(transport.open(session).unwrap())))
            .map(|thread| thread.join().unwrap())
    })
}

#[test]
fn messages_of_all_sizes_arrive_in_order_between_all_pairs() {
    let sizes = [0, 1, 9, 65_535, 256 << 10, (256 << 10) + 1, 3 << 20];
    run(&world(LONG), [1; 32], |mut network| {
        let me = network.me();
        for (round, size) in sizes.into_iter().enumerate() {
            for to in [me.left(), me.right()] {
                network.send(to, STEP, vec![(round * 3 + me.index()) as u8; size]).unwrap();
            }
        }
        network.flush().unwrap();
        for (round, size) in sizes.into_iter().enumerate() {
            for from in [me.left(), me.right()] {
                let message = network.recv(from, STEP, size).unwrap();
                assert!(message == vec![(round * 3 + from.index()) as u8; size]);
            }
        }
    });
}

#[test]
fn all_may_send_far_more_than_any_buffer_before_they_receive() {
    let size = 40 << 20;
    run(&world(LONG), [1; 32], |mut network| {
        let me = network.me();
        for to in [me.left(), me.right()] {
            network.send(to, STEP, vec![me.index() as u8; size]).unwrap();
        }
        network.flush().unwrap();
        for from in [me.right(), me.left()] {
            let message = network.recv(from, STEP, size).unwrap();
            assert!(message.iter().all(|byte| *byte == from.index() as u8));
        }
    });
}

#[test]
fn secrets_are_shared_by_pairs_and_fresh_in_every_session() {
    let world = world(LONG);
    let mut seen = Vec::new();
    // The same session id twice: it still never gives the same secret twice.
    for session in [[1; 32], [1; 32], [2; 32]] {
        let secrets = run(&world, session, |network| {
            let me = network.me();
            (network.channel_secret(me.left()), network.channel_secret(me.right()))
        });
        for party in Party::ALL {
            assert_eq!(secrets[party.index()].1, secrets[party.right().index()].0);
            seen.push(secrets[party.index()].1);
        }
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn sessions_run_side_by_side_on_the_same_links() {
    let world = world(LONG);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let world = &world;
            scope.spawn(move || {
                run(world, [number; 32], |mut network| {
                    let me = network.me();
                    for round in 0..50_u8 {
                        network.send(me.left(), STEP, vec![number, round]).unwrap();
                        network.flush().unwrap();
                        assert_eq!(network.recv(me.right(), STEP, 2).unwrap(), [number, round]);
                    }
                });
            });
        }
    });
}

#[test]
fn a_stall_names_the_peer_and_the_step() {
    // As little patience as will do: a busy machine may take longer than that to open a session.
    let opened = (0..8).find_map(|doublings| {
        let world = world(SHORT * (1 << doublings));
        let sessions = std::thread::scope(|scope| {
            let open = |transport| scope.spawn(move || Transport::open(transport, [1; 32]).ok());
            world.each_ref().map(open).map(|thread| thread.join().unwrap())
        });
        sessions.iter().all(Option::is_some).then_some((world, sessions))
    });
    let (_world, [p0, _p1, _p2]) = opened.unwrap();
    let error = p0.unwrap().recv(Party::P1, Step("and"), 1).unwrap_err();
    assert_eq!(error, NetworkError::Stalled { peer: Party::P1, step: Step("and") });
}

#[test]
fn a_wrong_length_is_refused() {
    let errors = run(&world(LONG), [1; 32], |mut network| {
        let me = network.me();
        network.send(me.right(), STEP, vec![0; 5]).unwrap();
        network.flush().unwrap();
        network.recv(me.left(), STEP, 4).unwrap_err()
    });
    let expected = NetworkError::Length { peer: Party::P2, step: STEP, expected: 4, got: 5 };
    assert_eq!(errors[0], expected);
}

#[test]
fn a_party_that_leaves_is_closed_to_both_others_after_its_last_message() {
    let results = run(&world(LONG), [1; 32], |mut network| {
        let me = network.me();
        if me == Party::P0 {
            network.send(Party::P1, STEP, vec![7; 20 << 20]).unwrap();
            network.flush().unwrap();
            return None;
        }
        if me == Party::P1 {
            assert!(network.recv(Party::P0, STEP, 20 << 20).unwrap() == vec![7; 20 << 20]);
        }
        Some(network.recv(Party::P0, STEP, 1).unwrap_err())
    });
    let closed = Some(NetworkError::Closed { peer: Party::P0, step: STEP });
    assert_eq!(results[1], closed);
    assert_eq!(results[2], closed);
}

#[test]
fn a_party_that_restarts_ends_old_sessions_and_joins_new_ones() {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    let make = |me: Party| start(config(me, &addresses, LONG), &listeners[me.index()]);
    let [p0, p1, p2] = Party::ALL.map(make);
    std::thread::scope(|scope| {
        let open = |transport: &Transport| transport.open([1; 32]).unwrap();
        let (p1, p2) = (&p1, &p2);
        let waiting = [p1, p2].map(|transport| {
            scope.spawn(move || {
                let mut network = open(transport);
                network.recv(Party::P0, STEP, 1).unwrap_err()
            })
        });
        drop(open(&p0));
        drop(p0);
        for thread in waiting {
            let error = thread.join().unwrap();
            assert_eq!(error, NetworkError::Closed { peer: Party::P0, step: STEP });
        }
    });
    let world = [make(Party::P0), p1, p2];
    let me = run(&world, [2; 32], |network| network.me());
    assert_eq!(me, Party::ALL);
}

#[test]
fn a_peer_with_another_key_never_gets_a_link() {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    let [p1, p2] =
        [Party::P1, Party::P2].map(|me| start(config(me, &addresses, SHORT), &listeners[me.index()]));
    let mut stranger = config(Party::P0, &addresses, SHORT);
    stranger.identity = identity(9);
    let p0 = start(stranger, &listeners[0]);
    // Once the honest two are linked, whoever is missing is the stranger.
    link(&p1, &p2);
    let errors = std::thread::scope(|scope| {
        [&p0, &p1, &p2]
            .map(|transport| scope.spawn(|| transport.open([1; 32]).map(|_| ()).unwrap_err()))
            .map(|thread| thread.join().unwrap())
    });
    assert_eq!(errors[1], NetworkError::Stalled { peer: Party::P0, step: net::tcp::OPENING });
    assert_eq!(errors[2], NetworkError::Stalled { peer: Party::P0, step: net::tcp::OPENING });
    assert!(!p1.connected()[0]);
}

#[test]
fn a_server_with_another_key_is_refused() {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    let p0 = start(config(Party::P0, &addresses, SHORT), &listeners[0]);
    let mut stranger = config(Party::P1, &addresses, SHORT);
    stranger.identity = identity(9);
    let _p1 = start(stranger, &listeners[1]);
    assert!(p0.open([1; 32]).is_err());
    assert_eq!(p0.connected(), [false, false]);
}

/// Raw TLS from a corrupt party 0 to an honest party 1.
async fn corrupt(address: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    let config = tls::party_client(&identity(0), identity(1).public()).unwrap();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    tokio_rustls::TlsConnector::from(config).connect(name, socket).await.unwrap()
}

fn frame(kind: u8, handle: u32, declared: u32, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &handle.to_le_bytes(), &declared.to_le_bytes(), payload].concat()
}

/// What a corrupt peer sends, after which its link must be closed.
fn violations() -> Vec<(&'static str, Vec<u8>)> {
    let open = |handle, id| frame(1, handle, 32, &[id; 32]);
    vec![
        ("unknown kind", frame(77, 0, 0, &[])),
        ("oversize payload", frame(3, 0, u32::MAX, &[])),
        ("data for an unknown handle", frame(3, 5, 1, &[0])),
        ("data before the session is wanted", [open(0, 1), frame(3, 0, 1, &[0])].concat()),
        ("a handle twice", [open(0, 1), open(0, 2)].concat()),
        ("a session twice", [open(0, 1), open(1, 1)].concat()),
        ("close of nothing", frame(5, 3, 0, &[])),
        ("too many sessions", {
            (0..5000_u32).flat_map(|i| frame(1, i, 32, &[&i.to_le_bytes()[..], &[0; 28]].concat())).collect()
        }),
        ("a ping with a payload", frame(6, 0, 3, b"abc")),
    ]
}

#[test]
fn a_peer_that_breaks_the_framing_loses_its_link_and_nothing_else() {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    let [p1, p2] =
        [Party::P1, Party::P2].map(|me| start(config(me, &addresses, LONG), &listeners[me.index()]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (what, bytes) in violations() {
        runtime.block_on(async {
            let (mut reader, mut writer) = tokio::io::split(corrupt(&addresses[1]).await);
            let mut answer = Vec::new();
            // Pings afterwards, so that it is not closed for silence. It may be closed before all is said.
            let talk = async {
                let mut next = bytes;
                while writer.write_all(&next).await.is_ok() {
                    next = frame(6, 0, 0, &[]);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                std::future::pending::<()>().await;
            };
            let closed = async {
                tokio::select! {
                    _ = reader.read_to_end(&mut answer) => (),
                    () = talk => (),
                }
            };
            let end = tokio::time::timeout(LONG, closed).await;
            assert!(end.is_ok(), "{what}: the link stayed open");
        });
    }
    // The honest party 0 gets a link all the same.
    let p0 = start(config(Party::P0, &addresses, LONG), &listeners[0]);
    run(&[p0, p1, p2], [9; 32], |network| network.me());
}

#[test]
fn a_peer_that_opens_a_session_and_floods_it_is_held_to_the_window() {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    let p1 = start(config(Party::P1, &addresses, LONG), &listeners[1]);
    let p2 = start(config(Party::P2, &addresses, SHORT), &listeners[2]);
    link(&p1, &p2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| {
        for transport in [&p1, &p2] {
            // Whether it opens does not matter: nobody takes what the corrupt party sends. Party 2 waits for it in vain.
            scope.spawn(|| transport.open([1; 32]).map(|_| ()));
        }
        runtime.block_on(async {
            let mut stream = corrupt(&addresses[1]).await;
            stream.write_all(&frame(1, 0, 32, &[1; 32])).await.unwrap();
            // Party 1 opens the session: from now on data is wanted, up to the window.
            let mut opened = [0; 41];
            stream.read_exact(&mut opened).await.unwrap();
            let part = frame(2, 0, 256 << 10, &vec![0; 256 << 10]);
            let mut sent = 0_usize;
            while stream.write_all(&part).await.is_ok() {
                sent += part.len();
                assert!(sent < 64 << 20, "the flood was taken in");
            }
        });
    });
}

#[test]
fn one_port_serves_links_and_https() {
    let listeners = listeners();
    let addresses = addresses(&listeners);
    let p0 = Transport::start(config(Party::P0, &addresses, LONG)).unwrap();
    let p1 = Arc::new(Transport::start(config(Party::P1, &addresses, LONG)).unwrap());
    let p2 = start(config(Party::P2, &addresses, LONG), &listeners[2]);
    let server = tls::server(&identity(1), &["localhost".to_owned()], p1.diallers()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = listeners[1].try_clone().unwrap();
    listener.set_nonblocking(true).unwrap();
    let party = Arc::clone(&p1);
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(server);
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            match tls::protocol(stream.get_ref().1) {
                Some(tls::Protocol::Party(_)) => drop(party.accept(stream).unwrap()),
                Some(tls::Protocol::Http) => stream.write_all(b"hello").await.unwrap(),
                None => (),
            }
        }
    });
    let mut greeting = [0; 5];
    runtime.block_on(async {
        let config = Arc::new(tls::https_client(identity(1).public()).unwrap());
        let socket = TcpStream::connect(&addresses[1]).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(config).connect(name, socket).await.unwrap();
        stream.read_exact(&mut greeting).await.unwrap();
    });
    assert_eq!(&greeting, b"hello");
    std::thread::scope(|scope| {
        let threads = [&p0, &*p1, &p2].map(|transport| scope.spawn(|| transport.open([3; 32]).unwrap().me()));
        assert_eq!(threads.map(|thread| thread.join().unwrap()), Party::ALL);
    });
    runtime.shutdown_background();
}
