//! `mpcstats doctor`: checks a deployment from the host it is run on, and says what to fix.
//!
//! - [`target`]: which survey, and what a configuration file on this host adds.
//! - [`probe`]: one look at one server: TCP, TLS, HTTP.
//! - [`checks`]: what each kind of server must answer.
//! - [`findings`]: what was found, as a table or as JSON.

mod checks;
mod findings;
pub mod probe;
mod target;

use std::path::PathBuf;

use survey::{PublicKey, Survey};

use super::{Failure, print, runtime, text};
use findings::{Finding, Report};
use target::Target;

/// Arguments of `mpcstats doctor`.
///
/// Ends with 1 if there is a problem, with 0 if there are warnings at most.
#[derive(clap::Args)]
pub struct Doctor {
    /// `https://HOST:PORT/#ID`, a signed survey, a survey folder (before it is signed), or the configuration file of a
    /// party, coordinator or client API on this host, which is then checked as well.
    target: String,
    /// Whose hosts this one must be able to reach.
    #[arg(long = "as", value_enum, default_value = "operator")]
    role: Role,
    /// The client API's address, `http://HOST:PORT` or `https://HOST`: surveys do not name it.
    #[arg(long)]
    page: Option<String>,
    /// A notary's address of metrics and keys, `http://HOST:PORT`: surveys do not name it. May be repeated.
    #[arg(long = "notary-metrics")]
    notary_metrics: Vec<String>,
    /// The public key that must have signed the survey.
    #[arg(long)]
    organiser: Option<PublicKey>,
    /// A file of certificate authorities to trust for the client API besides the public ones. May be repeated.
    #[arg(long = "authority")]
    authorities: Vec<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Who runs the command; each needs other servers.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    /// Everything.
    Operator,
    /// Coordinator and parties.
    Party,
    /// Coordinator and notaries: shares reach the parties through the coordinator.
    Provider,
    /// The coordinator: results come through it.
    Consumer,
}

/// Runs the command.
pub fn run(args: &Doctor) -> Result<(), Failure> {
    let report = runtime()?.block_on(examine(args));
    print(&if args.json { report.json()? } else { report.table(text::columns(&console::Term::stdout())) })?;
    match report.problems() {
        0 => Ok(()),
        1 => Err("1 problem".into()),
        many => Err(format!("{many} problems").into()),
    }
}

async fn examine(args: &Doctor) -> Report {
    let target = match Target::resolve(&args.target, args.organiser.as_ref()).await {
        Ok(target) => target,
        Err(finding) => return Report { survey: None, title: String::new(), findings: vec![finding] },
    };
    let roots = match service::notary::roots(&args.authorities) {
        Ok(roots) => roots,
        Err(error) => {
            let finding = Finding::problem("here", "authorities", &error, "Name a PEM file of certificates.");
            return Report { survey: None, title: String::new(), findings: vec![finding] };
        }
    };
    let Target { survey, id, mut findings, page } = target;
    let mut servers = checks::Servers::default();
    let context = checks::Context { survey: &survey, id, roots };
    let needs_parties = matches!(args.role, Role::Operator | Role::Party);
    let coordinator = context.coordinator();
    let parties = async {
        if needs_parties {
            Some(tokio::join!(context.party(0), context.party(1), context.party(2)))
        } else {
            None
        }
    };
    let (coordinator, parties) = tokio::join!(coordinator, parties);
    servers.take(coordinator, &mut findings);
    for party in parties.into_iter().flat_map(<[_; 3]>::from) {
        servers.take(party, &mut findings);
    }
    if matches!(args.role, Role::Operator | Role::Provider) {
        notaries(&context, &args.notary_metrics, &mut servers, &mut findings).await;
    }
    if let Some(page) = args.page.as_ref().or(page.as_ref()) {
        servers.take(context.page(page).await, &mut findings);
    }
    findings.extend(servers.compare());
    Report { survey: Some(id), title: survey.title, findings }
}

async fn notaries(
    context: &checks::Context<'_>,
    metrics: &[String],
    servers: &mut checks::Servers,
    findings: &mut Vec<Finding>,
) {
    // A survey has an address for each of them, or none at all.
    let Survey { notary_addresses, notaries, .. } = context.survey;
    for (index, (address, notary)) in notary_addresses.iter().zip(notaries).enumerate() {
        servers.take(context.notary(index, address, notary).await, findings);
    }
    for address in metrics {
        servers.take(context.notary_metrics(address).await, findings);
    }
}
