//! `mpcstats source`: looks at sources before they are used.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mpctls::Source;
use mpctls::source::{Draft, Visibility};

use super::{Failure, print, refused};

/// The sources that come with mpcstats.
const SHIPPED: [(&str, &str); 6] = [
    ("binance-spot", include_str!("../../../../sources/binance-spot.toml")),
    ("kraken-balance", include_str!("../../../../sources/kraken-balance.toml")),
    ("coinbase-account", include_str!("../../../../sources/coinbase-account.toml")),
    ("github-followers", include_str!("../../../../sources/github-followers.toml")),
    ("cookie-session", include_str!("../../../../sources/cookie-session.toml")),
    ("sample-exchange", include_str!("../../../../sources/sample-exchange.toml")),
];

/// Arguments of `mpcstats source`.
#[derive(clap::Args)]
pub struct SourceCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Lists the sources that come with mpcstats.
    List,
    /// Explains what a source shows and hides, and refuses one that breaks a rule.
    Check {
        /// The source: a file, or the name of one that comes with mpcstats.
        source: String,
        /// A response to try it on: a body, or head and body as they came over the wire.
        #[arg(long)]
        response: Option<PathBuf>,
    },
    /// Proposes the response part of a source from a sample response.
    Draft {
        /// The sample: the body of a response, as it came over the wire (not reformatted).
        #[arg(long)]
        response: PathBuf,
        /// A field: its name and a JSON path, such as `eth_free=balances[asset=ETH].free`. May be repeated.
        #[arg(long = "field", required = true)]
        fields: Vec<String>,
        /// The name of a field that is to be shown; all others stay private. May be repeated.
        #[arg(long = "show")]
        shown: Vec<String>,
    },
}

/// Reads a source from a file, or takes one that comes with mpcstats.
pub fn load_source(name: &str) -> Result<Source, Failure> {
    let shipped = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
    let text = shipped.map_or_else(|| std::fs::read_to_string(name), |(_, text)| Ok((*text).to_owned()));
    let text = text.map_err(|error| {
        let known: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
        refused("file", format!("{name} cannot be read ({error}), and is none of {}", known.join(", ")))
    })?;
    Source::from_toml(&text).map_err(|error| refused(error.code(), &error))
}

/// Runs the command.
pub fn run(args: &SourceCommand) -> Result<(), Failure> {
    match &args.action {
        Action::List => {
            let mut text = String::new();
            for (name, file) in SHIPPED {
                writeln!(text, "{name:18} {}", Source::from_toml(file)?.definition().description)?;
            }
            print(&text)
        }
        Action::Check { source, response } => {
            let source = load_source(source)?;
            let mut text = source.explain();
            if let Some(path) = response {
                text.push_str(&try_on(&source, path)?);
            }
            print(&text)
        }
        Action::Draft { response, fields, shown } => {
            let body = std::fs::read_to_string(response)?;
            let mut wanted = Vec::new();
            for field in fields {
                let (name, path) =
                    field.split_once('=').ok_or_else(|| format!("{field:?} is not NAME=PATH"))?;
                let visibility = if shown.iter().any(|shown| shown == name) {
                    Visibility::Disclosed
                } else {
                    Visibility::Private
                };
                wanted.push(Draft { name: name.to_owned(), path: path.to_owned(), visibility });
            }
            print(&mpctls::source::draft(&body, &wanted)?)
        }
    }
}

/// What a source would show of a response.
fn try_on(source: &Source, path: &Path) -> Result<String, Failure> {
    let mut response = std::fs::read(path)?;
    if !response.starts_with(b"HTTP/1.1") {
        let status = source.definition().response.status;
        let head = format!("HTTP/1.1 {status} OK\r\nContent-Length: {}\r\n\r\n", response.len());
        response = [head.as_bytes(), &response].concat();
    }
    let disclosure =
        source.disclose_response(&response, false).map_err(|error| refused(error.code(), &error))?;
    let mut text = String::from("\nOn this response:\n");
    for (name, value) in &disclosure.values {
        writeln!(text, "  {name} = {value} would be shown")?;
    }
    for (name, range) in &disclosure.windows {
        let window = String::from_utf8_lossy(&response[range.clone()]).into_owned();
        writeln!(text, "  {name} would stay hidden; its window holds {window:?}")?;
    }
    let shown: usize = disclosure.received.shown.iter().map(|shown| shown.bytes.len()).sum();
    writeln!(text, "  {shown} of {} bytes would be shown:", response.len())?;
    for shown in &disclosure.received.shown {
        writeln!(text, "    {:>6}  {:?}", shown.offset, String::from_utf8_lossy(&shown.bytes))?;
    }
    Ok(text)
}
