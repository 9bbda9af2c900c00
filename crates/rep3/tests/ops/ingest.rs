use algebra::{Fp, Prg};
use circuit::parse::{Format, Kind};
use net::world::World;
use rep3::ingest::Verdict::{Accepted, Commitment, Value};
use rep3::ingest::{Ingested, PrivateField, Verdict, check_commitments, ingest};
use rep3::{InputContext, Session, Verified, input_columns, open, share_input};
use sha3::{Digest, Sha3_256};

/// A provider's window, blinder, domain and commitment of one field.
struct Field {
    window: Vec<u8>,
    blinder: [u8; 32],
    domain: [u8; 32],
    commitment: [u8; 32],
}

fn field(text: &str, length: usize, prg: &mut Prg) -> Field {
    let mut window = text.as_bytes().to_vec();
    window.resize(length, b' ');
    let (mut blinder, mut domain) = ([0; 32], [0; 32]);
    prg.fill_bytes(&mut blinder);
    prg.fill_bytes(&mut domain);
    let mut hash = Sha3_256::new();
    hash.update(domain);
    hash.update(blinder);
    hash.update(&window);
    Field { window, blinder, domain, commitment: hash.finalize().into() }
}

/// The columns of one field at one party: window and blinder.
fn columns(fields: &[Field], window: usize, session: &Session) -> Vec<rep3::BitShare> {
    let length = window + 32;
    let context = InputContext { session: &[1; 32], provider: &[2; 32] };
    let party = session.party();
    let rows: Vec<[Vec<u8>; 2]> = fields
        .iter()
        .enumerate()
        .map(|(row, field)| {
            let value = [field.window.as_slice(), &field.blinder].concat();
            let mut randomness = Prg::new(&[row as u8; 16]);
            let input = share_input(&value, context, &mut randomness)[party.index()].clone();
            input.check(context, length, party).expect("an honest provider's input")
        })
        .collect();
    input_columns(&rows, length)
}

/// A column of accepted values in both domains, and which are present.
type Column = (Vec<i128>, Vec<Fp>, Vec<bool>);

/// Takes in fields and opens everything that was kept, verified.
fn take_in(fields: &[(&[Field], &Format)], lengths: &[usize]) -> (Vec<Verdict>, Vec<Column>) {
    let results = World::new(3).run(|session| {
        let shares: Vec<_> =
            fields.iter().zip(lengths).map(|((rows, _), &length)| columns(rows, length, session)).collect();
        let publics: Vec<(Vec<_>, Vec<_>)> = fields
            .iter()
            .map(|(rows, _)| rows.iter().map(|row| (row.domain, row.commitment)).unzip())
            .collect();
        let private: Vec<PrivateField<'_>> = shares
            .iter()
            .zip(&publics)
            .zip(fields)
            .map(|((shares, (domains, commitments)), (_, format))| {
                let (window, blinder) = shares.split_at(shares.len() - 256);
                PrivateField { window, blinder, domains, commitments, format }
            })
            .collect();
        let Ingested { verdicts, columns } = ingest(&private, session)?;
        let opened = columns
            .into_iter()
            .map(|column| {
                let int: Verified<_> = session.verify(column.int)?;
                let field = session.verify(column.field)?;
                let present = session.verify(column.present)?;
                let present = open(&present, session)?.iter().collect();
                Ok((open(&int, session)?, open(&field, session)?, present))
            })
            .collect::<Result<Vec<_>, rep3::Abort>>()?;
        Ok((verdicts, opened))
    });
    let [a, b, c] = results.map(|result| result.expect("honest parties do not abort"));
    assert_eq!(a, b);
    assert_eq!(b, c);
    a
}

fn decimal() -> Format {
    Format { kind: Kind::Decimal { scale: 2, min: -1000, max: 99_999 }, quoted: false, nullable: true }
}

#[test]
fn a_batch_keeps_good_providers_and_drops_the_others_for_their_own_faults() {
    let mut prg = Prg::new(&[1; 16]);
    let texts = ["12.5,", "-10}", "null,", "1e5,", "1000,", "999.99,", "7,", "0.019 "];
    let mut balances: Vec<Field> = texts.iter().map(|text| field(text, 24, &mut prg)).collect();
    let flags = ["true,", "false,", "true,", "true,", "true,", "maybe,", "false,", "true,"];
    // A window of another length, so that the messages of both fields differ in their padding only.
    let flags: Vec<Field> = flags.iter().map(|text| field(text, 8, &mut prg)).collect();
    // Provider 6 shares another value than it had notarized.
    balances[6].window[0] = b'8';

    let boolean = Format { kind: Kind::Boolean, quoted: false, nullable: false };
    let (verdicts, columns) = take_in(&[(&balances, &decimal()), (&flags, &boolean)], &[24, 8]);
    assert_eq!(verdicts, [Accepted, Accepted, Accepted, Value, Value, Value, Commitment, Accepted]);
    let [balance, flag] = &columns[..] else { panic!("two fields") };
    assert_eq!(balance.0, [1250, -1000, 0, 1]);
    assert_eq!(balance.1, [1250, -1000, 0, 1].map(Fp::from_i128));
    assert_eq!(balance.2, [true, true, false, true]);
    assert_eq!(flag.0, [1, 0, 1, 1]);
}

#[test]
fn every_bit_of_what_is_hashed_counts() {
    let mut prg = Prg::new(&[2; 16]);
    let mut fields: Vec<Field> = (0..5).map(|_| field("1,", 8, &mut prg)).collect();
    fields[1].window[7] ^= 0x80;
    fields[2].blinder[31] ^= 1;
    fields[3].domain[0] ^= 1;
    fields[4].commitment[31] ^= 0x80;
    let (verdicts, _) = take_in(&[(&fields, &decimal())], &[8]);
    assert_eq!(verdicts, [Accepted, Commitment, Commitment, Commitment, Commitment]);
}

/// Messages of one block and of two, batches of no, one and many providers.
#[test]
fn batches_of_every_size_and_windows_of_several_blocks() {
    let mut prg = Prg::new(&[3; 16]);
    for rows in [0, 1, 65] {
        let texts: Vec<String> = (0..rows).map(|row| format!("{row}.25]")).collect();
        let short: Vec<Field> = texts.iter().map(|text| field(text, 12, &mut prg)).collect();
        let long: Vec<Field> = texts.iter().map(|text| field(text, 80, &mut prg)).collect();
        let format = decimal();
        let (verdicts, columns) = take_in(&[(&long, &format), (&short, &format)], &[80, 12]);
        assert_eq!(verdicts, vec![Verdict::Accepted; rows]);
        let expected: Vec<i128> = (0..rows as i128).map(|row| 100 * row + 25).collect();
        assert_eq!((&columns[0].0, &columns[1].0), (&expected, &expected));
    }
}

/// A commitment costs each party 38,400 AND gates of one bit, the opening of 256 bits, and its part of a proof.
#[test]
fn commitments_cost_less_than_6_kb_each() {
    let mut prg = Prg::new(&[4; 16]);
    let rows = 256;
    let fields: Vec<Field> = (0..rows).map(|_| field("1,", 24, &mut prg)).collect();
    let format = decimal();
    let results = World::new(4).run(|session| {
        let shares = columns(&fields, 24, session);
        let (window, blinder) = shares.split_at(shares.len() - 256);
        let (domains, commitments): (Vec<_>, Vec<_>) =
            fields.iter().map(|field| (field.domain, field.commitment)).unzip();
        let before = session.traffic().clone();
        let private =
            PrivateField { window, blinder, domains: &domains, commitments: &commitments, format: &format };
        let matching = check_commitments(&[private], session)?;
        assert_eq!(matching, vec![true; rows]);
        let traffic = session.traffic();
        Ok((traffic.sent_bytes - before.sent_bytes, traffic.rounds - before.rounds))
    });
    for result in results {
        let (bytes, rounds) = result.expect("honest parties do not abort");
        assert!(bytes < 6_000 * rows as u64, "{bytes} bytes for {rows} commitments");
        assert_eq!(rounds, 24 + 4 + 1);
    }
}
