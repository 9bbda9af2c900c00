//! Garbled circuits compute what the clear evaluator computes, and tampered tables do not go unnoticed.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use circuit::{Backend, Clear, aes, bits, sha256};
use proptest::prelude::*;
use support::{cots, rng, run};
use twopc::Error;
use twopc::channel::Channel;
use twopc::garble::{self, Evaluator, Garbler, Tables, colours};

/// A key of each party; the digest of both, encrypted under the second.
fn circuit<B: Backend>(
    garbler: &[B::Wire],
    evaluator: &[B::Wire],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let mut message = bits::xor(garbler, evaluator, backend);
    message.extend(bits::constant_bytes(b"constant", backend));
    let digest = sha256::sha256(&message, backend)?;
    let schedule = aes::schedule(evaluator, backend)?;
    aes::encrypt(&schedule, &digest[..128], backend)
}

fn expected(garbler: &[bool], evaluator: &[bool]) -> (Vec<bool>, usize) {
    let mut clear = Clear::default();
    let Ok(output) = circuit(garbler, evaluator, &mut clear);
    (output, clear.ands as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn garbled_evaluation_equals_clear_evaluation(left: [u8; 16], right: [u8; 16], seed: u32) {
        let (left, right) = (bits::from_bytes(&left), bits::from_bytes(&right));
        let (output, gates) = expected(&left, &right);
        let (mut sender, mut receiver) = cots(128, u64::from(seed));
        let (ours, theirs) = run(
            |channel| {
                let mut garbler = Garbler::new(sender.delta(), &mut rng(1));
                channel.send(&garbler.hash_key()).unwrap();
                let (a, b) = (garbler.inputs(128), garbler.inputs(128));
                let Ok(wires) = circuit(&a, &b, &mut garbler);
                garble::send_tables(&garbler.take_tables(), channel).unwrap();
                garble::send_labels(&garbler.encode(&a, &left), channel).unwrap();
                garble::send_inputs(&b, &mut sender, channel).unwrap();
                // The evaluator returns its colours and a digest of its labels.
                let claimed = twopc::message::recv_bits(channel, 128, "output").unwrap();
                let digest = twopc::message::recv_array(channel, "digest").unwrap();
                let decoded: Vec<bool> = claimed.iter().zip(colours(&wires)).map(|(a, b)| a ^ b).collect();
                assert!(garbler.confirms(&wires, &decoded, &digest));
                let mut wrong = decoded.clone();
                wrong[77] ^= true;
                assert!(!garbler.confirms(&wires, &wrong, &digest));
                decoded
            },
            |channel| {
                let key = twopc::message::recv_array(channel, "key").unwrap();
                let mut evaluator = Evaluator::new(&key);
                evaluator.load(garble::recv_tables(gates, channel).unwrap());
                let a = garble::recv_labels(128, channel).unwrap();
                let b = garble::receive_inputs(&right, &mut receiver, channel).unwrap();
                let wires = circuit(&a, &b, &mut evaluator).unwrap();
                twopc::message::send_bits(channel, &colours(&wires)).unwrap();
                channel.send(&garble::digest(&wires)).unwrap();
                channel.flush().unwrap();
            },
        );
        prop_assert_eq!(ours, output);
        let () = theirs;
    }
}

/// Garbles and evaluates in one thread, with the tables handed through `tamper`; reports whether the garbler
/// would accept the evaluator's output labels as those of the right output.
fn accepted(tamper: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<bool, Error> {
    let (left, right) = (vec![true; 128], vec![false; 128]);
    let (output, gates) = expected(&left, &right);
    let mut garbler = Garbler::new(99 << 64 | 1, &mut rng(4));
    let (a, b) = (garbler.inputs(128), garbler.inputs(128));
    let Ok(wires) = circuit(&a, &b, &mut garbler);
    let (mut near, mut far) = net::memory::pair();
    garble::send_tables(&garbler.take_tables(), &mut near).unwrap();
    near.flush().unwrap();
    let header = far.recv(8).unwrap();
    let body = tamper(far.recv(1 << 30).unwrap());
    far.send(&header).unwrap();
    far.send(&body).unwrap();
    far.flush().unwrap();
    let tables = garble::recv_tables(gates, &mut near)?;
    let mut evaluator = Evaluator::new(&garbler.hash_key());
    evaluator.load(tables);
    let (a, b) = (garbler.encode(&a, &left), garbler.encode(&b, &right));
    let out = circuit(&a, &b, &mut evaluator)?;
    Ok(garbler.confirms(&wires, &output, &garble::digest(&out)))
}

#[test]
fn tampered_tables_yield_labels_that_the_garbler_does_not_confirm() {
    assert_eq!(accepted(|body| body), Ok(true));
    let caught = (0..20).filter(|i| {
        let result = accepted(|mut body| {
            // One ciphertext of a random gate is used or not by the colour; tampering with both is always felt
            // where the gate matters.
            let row = 32 * (i * 991);
            body[row..row + 32].iter_mut().for_each(|byte| *byte ^= 0x40);
            body
        });
        result == Ok(false)
    });
    // A gate with colours (0, 0) reads neither row: a quarter is never felt.
    assert!(caught.count() >= 10);
}

#[test]
fn tables_of_another_size_are_refused() {
    let malformed = Err(Error::Malformed { what: "garbled tables" });
    assert_eq!(accepted(|body| body[32..].to_vec()), malformed);
    assert!(matches!(accepted(|body| [body, vec![0; 32]].concat()), Err(Error::Channel(_))));
}

#[test]
fn an_evaluator_without_tables_stops() {
    let mut evaluator = Evaluator::new(&[0; 16]);
    evaluator.load(Tables::default());
    let wire = evaluator.constant(true);
    assert_eq!(evaluator.and_one(&wire, &wire), Err(Error::Exhausted { what: "garbled tables" }));
}

#[test]
fn stages_may_be_evaluated_in_another_order() {
    let mut garbler = Garbler::new(7 << 100 | 1, &mut rng(5));
    let inputs = garbler.inputs(2);
    let mut stages = Vec::new();
    let mut outputs = Vec::new();
    for _ in 0..3 {
        let Ok(wire) = garbler.and_one(&inputs[0], &inputs[1]);
        outputs.push(wire);
        stages.push(garbler.take_tables());
    }
    let active = garbler.encode(&inputs, &[true, true]);
    let mut evaluator = Evaluator::new(&garbler.hash_key());
    for i in [2, 0, 1] {
        evaluator.load(stages[i].clone());
        let out = evaluator.and_one(&active[0], &active[1]).unwrap();
        assert!(garbler.confirms(&outputs[i..=i], &[true], &garble::digest(&[out])));
    }
}

#[test]
fn labels_that_the_garbler_did_not_name_are_refused() {
    let mut garbler = Garbler::new(7 << 90, &mut rng(1));
    let wires = garbler.inputs(3);
    let (encoded, outputs) = run(
        |channel| {
            garbler.send_outputs(&wires, channel).unwrap();
            let encoded: Vec<_> =
                (0..8).map(|i| garbler.encode(&wires, &bits::from_bytes(&[i])[..3])).collect();
            garble::send_labels(&encoded[5], channel).unwrap();
            channel.flush().unwrap();
            let bytes = channel.recv(48).unwrap();
            channel.send(&bytes).unwrap();
            channel.flush().unwrap();
            encoded
        },
        |channel| {
            let outputs = garble::recv_outputs(3, channel).unwrap();
            // The same labels, but for a bit of the last that is not its colour.
            let mut bytes = channel.recv(48).unwrap();
            bytes[40] ^= 1;
            channel.send(&bytes).unwrap();
            channel.flush().unwrap();
            let marked = garble::recv_labels(3, channel).unwrap();
            assert_eq!(outputs.check(&marked), Err(REFUSED));
            outputs
        },
    );
    for labels in &encoded {
        assert_eq!(outputs.check(labels), Ok(()), "labels of every value are named");
        let (mut fewer, mut swapped) = (labels.clone(), labels.clone());
        fewer.pop();
        swapped.swap(0, 2);
        assert_eq!([outputs.check(&fewer), outputs.check(&swapped)], [Err(REFUSED), Err(REFUSED)]);
    }
}

const REFUSED: Error = Error::Cheating { what: "garbled outputs" };
