//! One module a subcommand; this file only lists them.

use std::io::Write as _;
use std::process::ExitCode;

mod bench;
mod certificate;
mod client_api;
mod config;
mod coordinator;
mod demo;
mod doctor;
mod health;
mod notary;
mod party;
mod prove;
mod query;
mod receipt;
mod reference;
mod sample_exchange;
mod share;
mod shell;
mod source;
mod survey;
mod text;
mod user;
mod verify;

/// The subcommands.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Runs a whole survey on this machine: website, notary, coordinator, three parties, providers, results.
    Demo(demo::Demo),
    /// Takes part in a survey: proves your value, shares it secretly, submits it.
    Share(share::Share),
    /// Fetches receipts, and shows that your submission is in a release.
    Receipt(receipt::Receipt),
    /// Asks a survey's parties for statistics.
    Query(query::Query),
    /// Checks certificates offline.
    Certificate(certificate::Certificate),
    /// Publishes a survey's results on a page.
    ClientApi(client_api::ClientApi),
    /// Measures what things cost on this machine.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Proves to a survey what a website says about you, without showing it.
    Prove(prove::Prove),
    /// Says in words what a proof shows, or why it is refused.
    Verify(verify::Verify),
    /// Looks at sources: what they show, and what they would show of a response.
    Source(source::SourceCommand),
    /// Runs a notary.
    Notary(notary::Notary),
    /// Runs a sample website with Binance's account API.
    SampleExchange(sample_exchange::SampleExchange),
    /// Writes, checks and signs surveys.
    Survey(survey::SurveyCommand),
    /// Runs a computation party and looks after its keys.
    Party(party::Party),
    /// Runs a coordinator.
    Coordinator(coordinator::Coordinator),
    /// Checks a deployment from this host: reachability, keys, clocks, versions, survey; says what to fix.
    Doctor(doctor::Doctor),
    /// Asks a server on this host whether it lives: for containers' health checks.
    Health(health::Health),
    /// Prints and checks configuration files.
    Config(config::Config),
    /// Prints a completion script for a shell.
    Completions(shell::Completions),
    /// Writes the manual pages of every command into a folder.
    Man(shell::Man),
    /// Prints a generated page of the documentation.
    #[command(hide = true)]
    Reference(reference::Reference),
}

/// Runs a subcommand and maps its outcome to an exit code: 0 done, 1 refused or failed, 2 bad usage.
pub fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Demo(args) => demo::run(&args),
        Command::Share(args) => share::run(&args),
        Command::Receipt(args) => receipt::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Certificate(args) => certificate::run(&args),
        Command::ClientApi(args) => client_api::run(&args),
        Command::Bench(bench) => bench::run(&bench),
        Command::Prove(args) => prove::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Source(args) => source::run(&args),
        Command::Notary(args) => notary::run(&args),
        Command::SampleExchange(args) => sample_exchange::run(&args),
        Command::Survey(args) => survey::run(&args),
        Command::Party(args) => party::run(&args),
        Command::Coordinator(args) => coordinator::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Reference(args) => reference::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let words = format!("error: {}", told(error));
            eprintln!("{}", text::sentences(&words, text::columns(&console::Term::stderr())));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, in words for the terminal.
pub type Failure = Box<dyn std::error::Error>;

/// A failure in words; if it has a code, with the code and what to do about it.
fn told(error: Failure) -> Failure {
    if let Some(error) = error.downcast_ref::<client::ClientError>() {
        return refused(&error.code(), error);
    }
    if let Some(refusal) = error.downcast_ref::<::survey::Refusal>() {
        return refused(refusal.code.text(), refusal.reason());
    }
    error
}

/// A refusal in words: its code, its cause, and what to do about it.
pub fn refused(code: &str, error: impl std::fmt::Display) -> Failure {
    let next = ::survey::code::next_step(code).map(|next| format!("\nnext: {next}")).unwrap_or_default();
    format!("refused ({code}): {error}{next}").into()
}

/// Prints to standard output; a reader that hangs up (`| head`) is an error and not a panic.
pub fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// A runtime for commands that talk to others.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
