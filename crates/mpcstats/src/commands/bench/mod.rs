//! `mpcstats bench`: what things cost on this machine.

use super::Failure;

pub mod engine;
mod ingest;
pub mod notary;
mod query;
mod servers;
mod startup;
mod usage;

/// Subcommands of `mpcstats bench`.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Runs operations of the three-party engine in three processes over the real transport on loopback.
    Engine(engine::Engine),
    /// Runs queries from stored columns in three processes over the real transport on loopback.
    Query(query::Query),
    /// Submits to a coordinator and three parties, all processes of their own, and waits until all is accepted.
    Ingest(ingest::Ingest),
    /// Asks a coordinator and three parties, all processes of their own, and tells how long the way there and back takes.
    Startup(startup::Startup),
    /// One party of the other benchmarks; started by them.
    #[command(hide = true)]
    EngineParty,
    /// Proves a page in three processes on loopback: website, notary, prover.
    Notary(notary::Notary),
    /// The website of `bench notary`; started by it.
    #[command(hide = true)]
    NotarySite(notary::Site),
    /// The notary of `bench notary`; started by it.
    #[command(hide = true)]
    NotaryServer(notary::Server),
}

/// Runs a benchmark.
pub fn run(bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Engine(args) => engine::run(args),
        Bench::Query(args) => query::run(args),
        Bench::Ingest(args) => ingest::run(args),
        Bench::Startup(args) => startup::run(args),
        Bench::EngineParty => engine::party::run(),
        Bench::Notary(args) => notary::run(args),
        Bench::NotarySite(args) => notary::site(args),
        Bench::NotaryServer(args) => notary::server(args),
    }
}
