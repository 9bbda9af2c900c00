//! Three-party computation with `rep3` over a network: what the engine's jobs become.
//!
//! Sessions block, so each runs on a thread for blocking work.

use std::sync::Arc;
use std::time::Instant;

use algebra::{Bits, Field as _, Fp};
use circuit::parse::Format;
use rep3::executor::Executor;
use rep3::ingest::{Ingested, ParsedColumn, PrivateField, Verdict, ingest};
use rep3::network::{Network, NetworkError};
use rep3::{Abort, BitShare, Config, FieldShare, IntShare, Session, input_columns, measure_pace, seal};
use stats::{Checked, Dataset, RunError};
use survey::shares::BLINDER;
use survey::{Code, Id, Refusal, Survey};

use super::compute::{BatchJob, BatchOutcome, Compute, QueryJob, QueryOutcome, Row, Stored};
use crate::random::Random;
use crate::storage::BoxFuture;

/// Opens the network of a session among the three parties.
pub trait Opener: Send + Sync {
    /// Opens it; blocks until both peers have.
    ///
    /// # Errors
    /// [`NetworkError`] naming the peer that did not come.
    fn open(&self, session: [u8; 32]) -> Result<Box<dyn Network>, NetworkError>;
}

impl Opener for net::tcp::Transport {
    fn open(&self, session: [u8; 32]) -> Result<Box<dyn Network>, NetworkError> {
        Ok(Box::new(Self::open(self, session)?))
    }
}

/// The engine's computations, run with `rep3`.
#[derive(Clone)]
pub struct Sessions {
    /// Where networks come from.
    pub opener: Arc<dyn Opener>,
    /// Where parallel work goes.
    pub executor: Arc<dyn Executor>,
    /// The survey.
    pub survey: Arc<Survey>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl Compute for Sessions {
    fn batch(&self, job: BatchJob) -> BoxFuture<'_, Result<BatchOutcome, Refusal>> {
        let this = self.clone();
        blocking(move || {
            let program = Id::of_parts("mpcstats/program/ingest/v1", &[]);
            let mut session = this.open(job.session, program, job.inputs)?;
            compute_batch(&job.rows, &this.survey, &mut session).map_err(|abort| aborted(&abort))
        })
    }

    fn query(&self, job: QueryJob) -> BoxFuture<'_, Result<QueryOutcome, Refusal>> {
        let this = self.clone();
        blocking(move || {
            let data = dataset(&this.survey, &job.batches)?;
            let program = Id(job.plan.id().0);
            let mut session = this.open(job.session, program, job.inputs)?;
            compute_query(&job.plan, &data, &mut session)
        })
    }
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> BoxFuture<'static, Result<T, Refusal>> {
    Box::pin(async move {
        let failed = |error: tokio::task::JoinError| Refusal::new(Code::Internal, error.to_string());
        tokio::task::spawn_blocking(work).await.map_err(failed)?
    })
}

fn aborted(abort: &Abort) -> Refusal {
    Refusal::new(Code::Aborted, abort.to_string())
}

impl Sessions {
    fn open(&self, session: Id, program: Id, inputs: Id) -> Result<Session, Refusal> {
        let network = self.opener.open(session.0);
        let network = network.map_err(|error| Refusal::new(Code::PartyUnavailable, error.to_string()))?;
        let config = Config { sid: session.0, program: program.0, inputs: inputs.0 };
        let opened = Session::open(network, self.executor.clone(), &config, *self.random.seed());
        let mut session = opened.map_err(|abort| aborted(&abort))?;
        // Operations choose between few rounds and few gates: they must know how far apart the parties are.
        let start = Instant::now();
        measure_pace(|| start.elapsed(), &mut session).map_err(|abort| aborted(&abort))?;
        Ok(session)
    }
}

/// Checks commitments and parses values of a batch, and seals the columns of those that stand.
fn compute_batch(rows: &[Row], survey: &Survey, session: &mut Session) -> Result<BatchOutcome, Abort> {
    let shares: Vec<[Vec<u8>; 2]> = rows.iter().map(|row| row.shares.clone()).collect();
    let bits = input_columns(&shares, survey.shared_len());
    let formats: Vec<Format> = survey.fields.iter().map(|field| survey.format(field)).collect();
    let column = |pick: fn(&Row, usize) -> [u8; 32], field: usize| -> Vec<[u8; 32]> {
        rows.iter().map(|row| pick(row, field)).collect()
    };
    let hashes: Vec<_> = (0..survey.fields.len())
        .map(|field| {
            let domains = column(|row, field| row.commitments[field].domain, field);
            (domains, column(|row, field| row.commitments[field].digest, field))
        })
        .collect();
    let mut at = 0;
    let mut fields = Vec::with_capacity(survey.fields.len());
    for ((field, format), (domains, commitments)) in survey.fields.iter().zip(&formats).zip(&hashes) {
        let (window, blinder) = (8 * field.window as usize, 8 * BLINDER);
        fields.push(PrivateField {
            window: &bits[at..at + window],
            blinder: &bits[at + window..at + window + blinder],
            domains,
            commitments,
            format,
        });
        at += window + blinder;
    }
    let Ingested { verdicts, columns } = ingest(&fields, session)?;
    let faults = verdicts.into_iter().map(|verdict| match verdict {
        Verdict::Accepted => None,
        Verdict::Commitment => Some(Code::CommitmentMismatch),
        Verdict::Value => Some(Code::InvalidValue),
    });
    let parts = |column: ParsedColumn| (column.int, (column.field, column.present));
    let columns: Vec<_> = columns.into_iter().map(parts).collect();
    let columns = session.verify(columns)?;
    Ok(BatchOutcome { faults: faults.collect(), columns: Stored(seal(&columns, session)?) })
}

/// Runs a plan and seals its result to be handed to the consumer.
fn compute_query(plan: &Checked, data: &Dataset, session: &mut Session) -> Result<QueryOutcome, Refusal> {
    let outputs = stats::execute(plan, data, session).map_err(|error| match error {
        RunError::Abort(abort) => aborted(&abort),
        RunError::Plan(error) => survey::plan_refusal(&error, "plan"),
    })?;
    let result = seal(&outputs.values, session).map_err(|abort| aborted(&abort))?;
    let mut leaks: Vec<String> = plan.leaks().iter().map(|leak| leak.name().to_owned()).collect();
    if !outputs.tests.is_empty() {
        leaks.push("tests".to_owned());
    }
    Ok(QueryOutcome { result, tests: outputs.tests, leaks })
}

/// The stored columns of several batches as one data set.
fn dataset(survey: &Survey, batches: &[(Stored, u64)]) -> Result<Dataset, Refusal> {
    let mut parts: Vec<Vec<ParsedColumn>> = survey.fields.iter().map(|_| Vec::new()).collect();
    for (stored, rows) in batches {
        let columns = decode(survey, stored, *rows as usize);
        let columns = columns.ok_or_else(|| Refusal::new(Code::TamperedStore, "columns of another shape"))?;
        parts.iter_mut().zip(columns).for_each(|(parts, column)| parts.push(column));
    }
    let rows = batches.iter().map(|(_, rows)| *rows as usize).sum();
    let columns =
        survey.fields.iter().zip(&parts).map(|(field, parts)| (field.name.clone(), Arc::new(concat(parts))));
    let table = stats::run::shared::Table { rows, columns: columns.collect() };
    Ok(Dataset { tables: [(stats::Schema::DEFAULT.to_owned(), table)].into() })
}

fn concat(parts: &[ParsedColumn]) -> ParsedColumn {
    let width = parts.first().map_or(0, |part| part.int.width());
    let bit = |k: usize| BitShare::concat(parts.iter().map(|part| &part.int.bits[k]));
    let signed = parts.first().is_some_and(|part| part.int.signed);
    ParsedColumn {
        int: IntShare { bits: (0..width).map(bit).collect(), signed },
        field: FieldShare::concat(parts.iter().map(|part| &part.field)),
        present: BitShare::concat(parts.iter().map(|part| &part.present)),
    }
}

/// Reads back what [`compute_batch`] sealed; none if it has another shape.
fn decode(survey: &Survey, stored: &Stored, rows: usize) -> Option<Vec<ParsedColumn>> {
    let mut reader = Reader { own: &stored.0.own.bytes, next: &stored.0.next.bytes, rows };
    let mut columns = Vec::with_capacity(survey.fields.len());
    for field in &survey.fields {
        let format = survey.format(field);
        let bits = (0..format.width()).map(|_| reader.bits()).collect::<Option<_>>()?;
        let int = IntShare { bits, signed: format.signed() };
        columns.push(ParsedColumn { int, field: reader.field()?, present: reader.bits()? });
    }
    (reader.own.is_empty() && reader.next.is_empty()).then_some(columns)
}

struct Reader<'a> {
    own: &'a [u8],
    next: &'a [u8],
    rows: usize,
}

impl Reader<'_> {
    fn take(&mut self, bytes: usize) -> Option<[&[u8]; 2]> {
        Some([self.own.split_off(..bytes)?, self.next.split_off(..bytes)?])
    }

    fn bits(&mut self) -> Option<BitShare> {
        let rows = self.rows;
        let [own, next] = self.take(rows.div_ceil(8))?;
        Some(BitShare { own: Bits::from_bytes(own, rows).ok()?, next: Bits::from_bytes(next, rows).ok()? })
    }

    fn field(&mut self) -> Option<FieldShare> {
        let rows = self.rows;
        let [own, next] = self.take(rows * Fp::BYTES)?;
        Some(FieldShare { own: algebra::decode(own, rows).ok()?, next: algebra::decode(next, rows).ok()? })
    }
}
