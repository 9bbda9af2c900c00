//! `mpcstats reference`: the generated pages of the docs. The command reference comes from the same definitions as
//! `--help`, the reference of the HTTP APIs from their OpenAPI documents.

use std::collections::BTreeMap;
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
    // Whatever terminal it is made in, the page is the same.
    let help = command.clone().bin_name(&name).term_width(0).render_long_help().to_string();
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
    let documents = [service::coordinator::openapi::document(), service::client_api::openapi::document()];
    let documents: Vec<Value> = documents.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    let mut types = Types::new();
    for (name, schema) in documents.iter().flat_map(|document| members(&document["components"]["schemas"])) {
        if let Some(words) = described(name, schema) {
            types.insert(name, words);
        }
    }
    let mut text = HTTP_API.to_owned();
    for document in &documents {
        api(document, &types, &mut text)?;
    }
    if !types.is_empty() {
        text.push_str("\n## Types\n");
    }
    for (name, words) in &types {
        write!(text, "\n### `{name}`\n\n{words}")?;
    }
    Ok(text)
}

/// What the page says of the types of bodies, by name.
type Types<'a> = BTreeMap<&'a str, String>;

/// The members of a JSON object, in order.
fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// A type of a body: what it is, and its fields; nothing if its schema does not tell.
fn described(name: &str, schema: &Value) -> Option<String> {
    if name == "Code" {
        return Some("One of the [error codes](error-codes.md).\n".into());
    }
    let about = sentence(&schema["description"]);
    let about = if about.is_empty() { String::new() } else { format!("{about}\n\n") };
    if let Some(variants) = schema["oneOf"].as_array() {
        let variants: String = variants.iter().map(variant).collect();
        return Some(format!("{about}| one of | fields |\n|---|---|\n{variants}"));
    }
    if schema["properties"].is_object() {
        let row = |[name, kind, about]: [String; 3]| format!("| {name} | {kind} | {about} |\n");
        let rows: Vec<String> = fields(schema).map(row).collect();
        return Some(format!("{about}| field | type | |\n|---|---|---|\n{}", rows.concat()));
    }
    let plain = schema.get("type").or_else(|| schema.get("$ref")).is_some() && schema["type"] != "object";
    plain.then(|| format!("{about}JSON: {}.\n", kind(schema)))
}

/// One of several forms: a word, or an object whose tag names it.
fn variant(schema: &Value) -> String {
    let tag = fields(schema).find(|[_, kind, _]| kind.starts_with('"'));
    let (name, tag) =
        tag.map_or((kind(schema), String::new()), |[field, kind, _]| (format!("{field}: {kind}"), field));
    let rest = fields(schema).filter(|[field, ..]| *field != tag);
    let rest: Vec<String> = rest.map(|[field, kind, about]| format!("{field} ({kind}): {about}")).collect();
    let about = sentence(&schema["description"]);
    format!("| {name}{}{about} | {} |\n", if about.is_empty() { "" } else { "<br>" }, rest.join("<br>"))
}

/// Name, type and meaning of an object's fields.
fn fields(schema: &Value) -> impl Iterator<Item = [String; 3]> {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    members(&schema["properties"]).map(|(name, field)| {
        let optional = if required.iter().any(|one| one == name) { "" } else { ", may be missing" };
        [format!("`{name}`"), format!("{}{optional}", kind(field)), sentence(&field["description"])]
    })
}

/// A description in one line of a table.
fn sentence(description: &Value) -> String {
    words(description).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A type in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = words(&schema["$ref"]).rsplit('/').next().filter(|name| !name.is_empty()) {
        return format!("[`{name}`](#{})", name.to_lowercase());
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[several].as_array() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let several = schema["type"].as_array();
    let names: Vec<&str> =
        several.map_or_else(|| vec![words(&schema["type"])], |all| all.iter().map(words).collect());
    let all: Vec<String> = names
        .iter()
        .map(|name| match *name {
            "array" if schema["items"].is_object() => format!("list of {}", kind(&schema["items"])),
            "array" => "list".into(),
            "string" if schema["pattern"].is_string() => format!("string `{}`", words(&schema["pattern"])),
            "" => "any JSON".into(),
            name => name.into(),
        })
        .collect();
    all.join(" or ")
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One API: a section, and a part for each call.
fn api(document: &Value, types: &Types, text: &mut String) -> Result<(), Failure> {
    let info = &document["info"];
    write!(text, "\n## {}\n\n{}\n", words(&info["title"]), words(&info["description"]))?;
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, call) in methods.as_object().into_iter().flatten().filter(|(_, call)| call.is_object()) {
            let (method, summary) = (method.to_uppercase(), words(&call["summary"]));
            write!(text, "\n### `{method} {path}`\n\n{summary}\n\n| | |\n|---|---|\n")?;
            if let Some(body) = call.get("requestBody") {
                writeln!(text, "| takes | {} |", content(body, types))?;
            }
            for (status, answer) in call["responses"].as_object().into_iter().flatten() {
                let codes: Vec<_> = words(&answer["description"]).split(", ").collect();
                let what = if status.starts_with('2') {
                    content(answer, types)
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
fn content(of: &Value, types: &Types) -> String {
    let Some((media, content)) = of["content"].as_object().and_then(|kinds| kinds.iter().next()) else {
        return String::new();
    };
    let name = |schema: &Value| {
        let name = words(&schema["$ref"]).rsplit('/').next().unwrap_or_default();
        if types.contains_key(name) { kind(schema) } else { format!("`{name}`") }
    };
    let Some(schema) = content.get("schema") else { return format!("`{media}`") };
    if schema.get("items").is_some() {
        return format!("a list of {}", name(&schema["items"]));
    }
    name(schema)
}
