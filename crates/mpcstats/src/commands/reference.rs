//! `mpcstats reference`: the command reference of the docs, from the same definitions as `--help`.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use super::Failure;

const HEAD: &str = "# Command reference

Generated from the command itself: `mpcstats reference > docs/src/commands.md`. Exit codes: 0 done, 1 refused or
failed, 2 wrong usage. Options that read an environment variable name it.
";

/// Prints the reference to standard output.
pub fn reference() -> Result<(), Failure> {
    let mut text = HEAD.to_owned();
    let mut command = crate::Cli::command();
    command.build();
    describe(&mut command, "", &mut text)?;
    super::print(&text)
}

fn describe(command: &mut Command, parents: &str, text: &mut String) -> Result<(), Failure> {
    let name = format!("{parents}{}", command.get_name());
    let help = command.clone().bin_name(&name).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(text, "\n## {name}\n\n```console\n{}\n```\n", help.join("\n").trim_end())?;
    for child in
        command.get_subcommands_mut().filter(|child| !child.is_hide_set() && child.get_name() != "help")
    {
        describe(child, &format!("{name} "), text)?;
    }
    Ok(())
}
