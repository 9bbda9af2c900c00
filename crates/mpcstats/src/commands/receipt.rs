//! `mpcstats receipt`: what became of a submission, and the proof that a release holds it.

use std::path::{Path, PathBuf};

use client::record::{self, Record};
use client::{OpenSurvey, Reference, provider};
use survey::{Code, Refusal};

use super::share::records_folder;
use super::{Failure, print, runtime};

/// Arguments of `mpcstats receipt`.
#[derive(clap::Args)]
pub struct Receipt {
    #[command(subcommand)]
    action: Option<Action>,
    /// The record of the submission; the newest, if left out.
    #[arg(long, global = true)]
    record: Option<PathBuf>,
    /// Where records are kept.
    #[arg(long, global = true)]
    records: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Lists the records.
    List,
    /// Shows that the submission is in a certificate's release.
    Verify {
        /// The certificate.
        #[arg(long)]
        certificate: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: &Receipt) -> Result<(), Failure> {
    let folder = records_folder(args.records.as_ref())?;
    match &args.action {
        Some(Action::List) => list(&folder, args.json),
        Some(Action::Verify { certificate }) => {
            verify(&find(args, &folder)?, &folder, certificate, args.json)
        }
        None => show(&fetch(find(args, &folder)?, &folder)?, args.json),
    }
}

fn find(args: &Receipt, folder: &Path) -> Result<Record, Failure> {
    if let Some(path) = &args.record {
        return Ok(Record::read(path)?);
    }
    let newest = Record::list(folder)?.into_iter().next();
    Ok(newest.ok_or_else(|| format!("there is no record in {}", folder.display()))?)
}

/// Fetches the receipt if the record has none yet.
fn fetch(mut record: Record, folder: &Path) -> Result<Record, Failure> {
    if record.receipt.is_none() {
        let reference: Reference = record.survey.parse()?;
        let receipt = runtime()?.block_on(async {
            let survey = OpenSurvey::open(&reference, None).await?;
            provider::receipt(&survey, &record.submission, &|_| ()).await
        })?;
        if receipt.is_some() {
            record.receipt = receipt;
            record.save(folder)?;
        }
    }
    Ok(record)
}

fn show(record: &Record, json: bool) -> Result<(), Failure> {
    if json {
        return print(&format!("{}\n", serde_json::to_string(record)?));
    }
    let state = match &record.receipt {
        Some(receipt) => format!("accepted by all three parties, in epoch {}", receipt.header.epoch),
        None => "in the queue".to_owned(),
    };
    print(&format!("{}: submission {} is {state}\n", record.title, record.submission))
}

fn list(folder: &Path, json: bool) -> Result<(), Failure> {
    let records = Record::list(folder)?;
    if json {
        return print(&format!("{}\n", serde_json::to_string(&records)?));
    }
    records.iter().try_for_each(|record| show(record, false))
}

fn verify(record: &Record, folder: &Path, certificate: &Path, json: bool) -> Result<(), Failure> {
    let record = fetch(record.clone(), folder)?;
    let waits = || Refusal::new(Code::NotReady, "the parties have not accepted this submission yet");
    let receipt = record.receipt.ok_or_else(waits)?;
    let certificate = super::certificate::read(certificate)?;
    let reference: Reference = record.survey.parse()?;
    let included = runtime()?.block_on(async {
        let survey = OpenSurvey::open(&reference, None).await?;
        record::is_included(&survey, &record.submission, &receipt, &certificate).await
    })?;
    if json {
        print(&format!(
            "{}\n",
            serde_json::json!({ "submission": record.submission, "included": included })
        ))?;
    } else if included {
        print(&format!(
            "Submission {} is in release {}.\n",
            record.submission, certificate.statement.release
        ))?;
    }
    let statement = &certificate.statement;
    let apart = format!(
        "submission {} is of epoch {}; release {}, over epochs {:?}, does not hold it",
        record.submission, receipt.header.epoch, statement.release, statement.epochs
    );
    if included { Ok(()) } else { Err(super::refused("not_in_release", apart)) }
}
