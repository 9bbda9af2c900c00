//! `mpcstats survey`: writes, checks and signs surveys.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use service::keys::Keys;
use survey::{SignedSurvey, Survey, definition, file};

use super::{Failure, print};

/// Arguments of `mpcstats survey`.
#[derive(clap::Args)]
pub struct SurveyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Asks a few questions and writes a survey folder to start from.
    New {
        /// The folder to make.
        folder: PathBuf,
        /// The source file to use; it is copied into the folder.
        #[arg(long)]
        source: PathBuf,
    },
    /// Checks a survey folder (or a signed survey) and says in words what it asks and allows.
    Check {
        /// A folder with survey.toml, or a signed survey.
        survey: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Checks a survey folder and writes the signed survey that all servers and clients use.
    Sign {
        /// The folder with survey.toml.
        folder: PathBuf,
        /// The organiser's key file (`mpcstats party keygen`).
        #[arg(long)]
        keys: PathBuf,
        /// Where to write the signed survey.
        #[arg(long)]
        out: PathBuf,
    },
    /// Prints a survey's id.
    Id {
        /// A folder with survey.toml, or a signed survey.
        survey: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: &SurveyCommand) -> Result<(), Failure> {
    match &args.action {
        Action::New { folder, source } => new(folder, source),
        Action::Check { survey, json } => check(&read(survey)?, *json),
        Action::Sign { folder, keys, out } => {
            let organiser = Keys::read(keys)?.identity;
            let signed = read(folder)?.sign(&organiser)?;
            std::fs::write(out, serde_json::to_vec_pretty(&signed)?)?;
            print(&format!("{}\n", signed.body.id()?))
        }
        Action::Id { survey } => print(&format!("{}\n", read(survey)?.id()?)),
    }
}

/// A survey from its folder, or from its signed form.
pub fn read(path: &Path) -> Result<Survey, Failure> {
    if path.is_dir() {
        let text = std::fs::read_to_string(path.join("survey.toml"))
            .map_err(|error| format!("{}: {error}", path.join("survey.toml").display()))?;
        let deployment = std::fs::read_to_string(path.join("deployment.toml")).ok();
        return parse(&text, deployment.as_deref(), path);
    }
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let signed: SignedSurvey = serde_json::from_slice(&text)?;
    definition::verify(&signed, None)?;
    Ok(signed.body)
}

/// A survey from its text; the files that it names are in `folder`.
pub fn parse(text: &str, deployment: Option<&str>, folder: &Path) -> Result<Survey, Failure> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    let trace = |name: &str, schema: &stats::Schema| {
        super::query::trace(&folder.join(name), schema).map_err(|error| error.to_string())
    };
    Ok(file::parse(text, deployment, read, trace)?)
}

fn check(survey: &Survey, json: bool) -> Result<(), Failure> {
    let (id, schema) = (survey.id()?, survey.schema());
    if json {
        let plans: Vec<_> = survey.plans.iter().map(|plan| &plan.name).collect();
        let fields: Vec<_> = survey.fields.iter().map(|field| &field.name).collect();
        let object = serde_json::json!({ "id": id, "title": survey.title, "fields": fields, "plans": plans });
        return print(&format!("{object}\n"));
    }
    let mut text = format!(
        "{}\n  id       {id}\n  source   {} ({})\n",
        survey.title,
        survey.source.name(),
        survey.source.host()
    );
    writeln!(text, "  account  {}: each counts once", survey.account)?;
    for field in &survey.fields {
        let proven = if field.self_reported { "typed in, not proven" } else { "proven" };
        let (min, max) = field.values.stored_range();
        writeln!(text, "  field    {} ({proven}; stored from {min} to {max})", field.name)?;
    }
    for named in &survey.plans {
        let checked = stats::check(&named.plan, &schema, &survey.policy.limits)?;
        let leaks: Vec<_> = checked.leaks().iter().map(|leak| leak.name()).collect();
        let leaks = if leaks.is_empty() { "nothing else".to_owned() } else { leaks.join(", ") };
        writeln!(text, "  plan     {} ({} results; also reveals: {leaks})", named.name, checked.outputs())?;
    }
    writeln!(text, "  policy   at least {} accounts behind every result", survey.policy.minimum())?;
    print(&text)
}

fn ask(question: &str, default: &str) -> Result<String, Failure> {
    print(&format!("{question} [{default}]: "))?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
}

fn new(folder: &Path, source: &Path) -> Result<(), Failure> {
    use mpctls::source::Visibility;
    let text = std::fs::read_to_string(source).map_err(|error| format!("{}: {error}", source.display()))?;
    let parsed = mpctls::Source::from_toml(&text)?;
    let of = |visibility| {
        let names = parsed.fields().iter().filter(move |field| field.visibility == visibility);
        names.map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    let (disclosed, private) = (of(Visibility::Disclosed), of(Visibility::Private));
    let account = disclosed.first().ok_or("the source discloses no field that could name an account")?;
    let title = ask("Title", &format!("A survey of {}", parsed.name()))?;
    let description = ask("What is measured, and why taking part is safe", "Nobody sees single answers.")?;
    let account = ask("The disclosed field that names an account", account)?;
    let minimum = ask("The fewest accounts behind a result", "10")?;
    let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut out = format!(
        "# Written by `mpcstats survey new`. Who serves it stands in deployment.toml. Next: `mpcstats survey check`\n\
         # and `mpcstats survey sign`.\n\
         title = {}\ndescription = {}\nsource = \"source.toml\"\naccount = {}\nmodes = [\"mpc\"]\n\
         opens_at = 2026-01-01T00:00:00Z\ncloses_at = 2030-01-01T00:00:00Z\nmax_rows = 1000000\n",
        quote(&title),
        quote(&description),
        quote(&account)
    );
    for name in &private {
        writeln!(out, "\n[[fields]]\nname = {}", quote(name))?;
    }
    for name in &private {
        let column = quote(name);
        writeln!(out, "\n[[plans]]\nname = {column}\ncolumn = {column}\nstatistics = [\"count\", \"mean\"]")?;
    }
    writeln!(out, "\n[policy]\nlimits = {{ minimum = {} }}", minimum.parse::<u32>()?)?;
    std::fs::create_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    std::fs::write(folder.join("source.toml"), text)?;
    std::fs::write(folder.join("survey.toml"), out)?;
    std::fs::write(folder.join("deployment.toml"), DEPLOYMENT)?;
    print(&format!("wrote {} and deployment.toml beside it\n", folder.join("survey.toml").display()))
}

/// Who serves a survey, to be filled in.
const DEPLOYMENT: &str = r#"# Who serves this survey. Fill in addresses and public keys: `mpcstats party keygen` makes and prints them,
# `mpcstats notary keys` prints the notary's.

[coordinator]
address = "https://coordinator.example:7300"
identity = ""

[[parties]]
name = "first party"
address = "one.example:7400"
identity = ""
sealing = ""

[[parties]]
name = "second party"
address = "two.example:7400"
identity = ""
sealing = ""

[[parties]]
name = "third party"
address = "three.example:7400"
identity = ""
sealing = ""

[[notaries]]
key = ""

[[consumers]]
name = "who may ask"
identity = ""
sealing = ""
"#;
