//! `mpcstats reference`: the generated pages of the docs. The command reference comes from the same definitions as
//! `--help`, the reference of the HTTP APIs from their OpenAPI documents.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};
use serde_json::Value;

use super::Failure;

/// Arguments of `mpcstats reference`.
#[derive(clap::Args)]
pub struct Reference {
    /// Which page.
    page: Page,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Page {
    /// docs/src/commands.md.
    Commands,
    /// docs/src/http-api.md.
    HttpApi,
}

const COMMANDS: &str = "# Command reference

Generated from the command itself by `mpcstats reference commands`. Exit codes: 0 done, 1 refused or failed, 2 wrong
usage. Everything that a command prints for programs, it prints with `--json`.
";

const HTTP_API: &str = "# HTTP API reference

Generated from the servers' OpenAPI documents by `mpcstats reference http-api`. The servers serve these documents
themselves: the coordinator at `/v1/openapi.json`, the client API at `/api/openapi.json`. All bodies are JSON. A call that
fails answers with a `Problem`: `code`, `cause`, `detail`, `next_step`, `trace`; [Error codes](error-codes.md) lists
the codes with what to do.

The parties serve the reads under `/v1/` from their own storage, so that nobody need believe the coordinator.
";

/// Prints a page to standard output.
pub fn run(args: &Reference) -> Result<(), Failure> {
    let page = match args.page {
        Page::Commands => commands()?,
        Page::HttpApi => http_api()?,
    };
    super::print(&page)
}

fn commands() -> Result<String, Failure> {
    let mut text = COMMANDS.to_owned();
    let mut command = crate::Cli::command();
    command.build();
    describe(&mut command, "", &mut text)?;
    Ok(text)
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

fn http_api() -> Result<String, Failure> {
    let mut text = HTTP_API.to_owned();
    for document in [service::coordinator::openapi::document(), service::client_api::openapi::document()] {
        api(&serde_json::to_value(document)?, &mut text)?;
    }
    Ok(text)
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One API: a section, and a part for each call.
fn api(document: &Value, text: &mut String) -> Result<(), Failure> {
    let info = &document["info"];
    write!(text, "\n## {}\n\n{}\n", words(&info["title"]), words(&info["description"]))?;
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, call) in methods.as_object().into_iter().flatten().filter(|(_, call)| call.is_object()) {
            let (method, summary) = (method.to_uppercase(), words(&call["summary"]));
            write!(text, "\n### `{method} {path}`\n\n{summary}\n\n| | |\n|---|---|\n")?;
            if let Some(body) = call.get("requestBody") {
                writeln!(text, "| takes | {} |", content(body))?;
            }
            for (status, answer) in call["responses"].as_object().into_iter().flatten() {
                let codes: Vec<_> = words(&answer["description"]).split(", ").collect();
                let what = if status.starts_with('2') {
                    content(answer)
                } else {
                    format!("`{}`", codes.join("`, `"))
                };
                writeln!(text, "| {status} | {what} |")?;
            }
        }
    }
    Ok(())
}

/// The type that a body or an answer has.
fn content(of: &Value) -> String {
    let Some((kind, content)) = of["content"].as_object().and_then(|kinds| kinds.iter().next()) else {
        return String::new();
    };
    let name = |schema: &Value| words(&schema["$ref"]).rsplit('/').next().unwrap_or_default().to_owned();
    let Some(schema) = content.get("schema") else { return format!("`{kind}`") };
    if schema.get("items").is_some() {
        return format!("a list of `{}`", name(&schema["items"]));
    }
    format!("`{}`", name(schema))
}
