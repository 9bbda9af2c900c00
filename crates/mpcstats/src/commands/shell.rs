//! `mpcstats completions` and `mpcstats man`: what a package installs beside the binary.

use std::path::PathBuf;

use clap::CommandFactory;

use super::Failure;

/// Arguments of `mpcstats completions`.
#[derive(clap::Args)]
pub struct Completions {
    /// The shell to complete in.
    shell: clap_complete::Shell,
}

/// Arguments of `mpcstats man`.
#[derive(clap::Args)]
pub struct Man {
    /// The folder to write into; it is made if it is not there.
    folder: PathBuf,
}

/// Prints the completion script to standard output.
pub fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "mpcstats", &mut script);
    super::print(&String::from_utf8(script)?)
}

/// Writes `mpcstats.1` and a page for each subcommand.
pub fn man(args: &Man) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder)?;
    clap_mangen::generate_to(crate::Cli::command(), &args.folder)?;
    Ok(())
}
