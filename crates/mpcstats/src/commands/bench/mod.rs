//! `mpcstats bench`: what things cost on this machine.

use super::Failure;

pub mod engine;
mod query;

/// Subcommands of `mpcstats bench`.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Runs operations of the three-party engine in three processes over the real transport on loopback.
    Engine(engine::Engine),
    /// Runs queries from stored columns in three processes over the real transport on loopback.
    Query(query::Query),
    /// One party of the other benchmarks; started by them.
    #[command(hide = true)]
    EngineParty,
}

/// Runs a benchmark.
pub fn run(bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Engine(args) => engine::run(args),
        Bench::Query(args) => query::run(args),
        Bench::EngineParty => engine::party::run(),
    }
}
