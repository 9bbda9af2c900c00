//! Follows one survey: its status, its closed epochs, and a release of every listed plan over all of them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::consumer::{self, Consumer};
use client::{ClientError, OpenSurvey, Reference};
use stats::ResultTable;
use stats::plan::Values;
use survey::definition::{Field, NamedPlan};
use survey::log::Logged;
use survey::wire::Status;
use survey::{Certificate, Choice, EncodeError, Id, ReleaseLog, Survey};
use tokio::sync::broadcast;

use super::log::{Entry, Log, LogError};
use super::view::{PlanView, ReleaseView, SurveyView};

/// How often the coordinator is asked where the survey stands.
const EVERY: Duration = Duration::from_secs(1);
/// The longest pause after failures.
const LONGEST: Duration = Duration::from_mins(1);
/// How long a release may take.
const PATIENCE: Duration = Duration::from_mins(30);
/// Announcements that a slow listener may miss before it is told to ask again.
const MISSED: usize = 16;

/// What happened: a listener asks for the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The survey's status changed.
    Status,
    /// There is a release, of this number.
    Release(u64),
}

impl Event {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Release(_) => "release",
        }
    }
}

/// A release with its results.
#[derive(Clone, Debug)]
struct Release {
    entry: Entry,
    plan: String,
    results: ResultTable,
}

/// A survey that is followed.
pub struct Watched {
    open: OpenSurvey,
    consumer: Consumer,
    authority: Option<String>,
    /// The text of the definition is served as it was signed.
    state: Mutex<State>,
    events: broadcast::Sender<Event>,
}

struct State {
    log: Log,
    releases: Vec<Release>,
    status: Option<Status>,
    /// Accounts accepted, by second, over the last minute.
    accepted: VecDeque<(u64, u64)>,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Watched {
    /// Opens the survey's log in `folder` and checks every certificate in it.
    pub fn new(
        open: OpenSurvey,
        consumer: Consumer,
        authority: Option<String>,
        folder: &Path,
    ) -> Result<Self, super::ClientApiError> {
        let path = folder.join(format!("{}.jsonl", open.id));
        let (log, entries) = Log::open(&path)?;
        let releases: Result<Vec<_>, _> = entries.into_iter().map(|entry| release(&open, entry)).collect();
        let releases = releases.map_err(|cause| super::ClientApiError::Survey {
            reference: client::Reference::File(path),
            cause: Box::new(cause),
        })?;
        let state = State { log, releases, status: None, accepted: VecDeque::new() };
        Ok(Self {
            open,
            consumer,
            authority,
            state: Mutex::new(state),
            events: broadcast::Sender::new(MISSED),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The survey.
    pub const fn open(&self) -> &OpenSurvey {
        &self.open
    }

    /// Hears of every change from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Where the survey stands; none until the coordinator has been reached.
    pub fn status(&self) -> Option<Status> {
        self.state().status.clone()
    }

    /// The survey as the page shows it; none until the coordinator has been reached.
    pub fn view(&self) -> Option<SurveyView> {
        let status = self.status()?;
        let survey = self.open.definition();
        let ripe = status.open_accounts >= status.minimum;
        let reference = self.open.reference();
        Some(SurveyView {
            id: self.open.id,
            title: survey.title.clone(),
            description: survey.description.clone(),
            parties: survey.parties.iter().map(|party| party.name.clone()).collect(),
            opens_at: survey.opens_at,
            closes_at: survey.closes_at,
            next_release_at: ripe.then(|| status.now + survey.policy.epoch_quiet),
            status,
            plans: survey.plans.iter().map(plan_view).collect(),
            join_command: join_command(survey, &reference, self.authority.as_deref()),
            answers: survey.fields.iter().filter(|field| field.self_reported).map(answer).collect(),
            needs: needs(survey),
            verify_command: verify_command(&self.open.id),
        })
    }

    /// The releases, newest first.
    pub fn releases(&self) -> Vec<ReleaseView> {
        let view = |release: &Release| ReleaseView {
            release: release.entry.certificate.statement.release,
            plan: release.plan.clone(),
            epochs: release.entry.certificate.statement.epochs.clone(),
            count: release.entry.certificate.statement.count,
            at: release.entry.at,
            results: release.results.clone(),
        };
        self.state().releases.iter().rev().map(view).collect()
    }

    /// How many releases there are.
    pub fn release_count(&self) -> usize {
        self.state().releases.len()
    }

    /// The list of releases as a chain of hashes, oldest first.
    ///
    /// # Errors
    /// See [`survey::Id::of`].
    pub fn log(&self) -> Result<ReleaseLog, EncodeError> {
        let logged = |release: &Release| {
            let Entry { at, certificate } = &release.entry;
            let id = Id::of(certificate)?;
            Ok(Logged { at: *at, release: certificate.statement.release, certificate: id })
        };
        let entries = self.state().releases.iter().map(logged).collect::<Result<_, EncodeError>>()?;
        ReleaseLog::new(&self.open.id, entries)
    }

    /// A release's certificate.
    pub fn certificate(&self, number: u64) -> Option<Certificate> {
        let state = self.state();
        let certificates = state.releases.iter().map(|release| &release.entry.certificate);
        certificates.into_iter().find(|certificate| certificate.statement.release == number).cloned()
    }

    /// How many accounts were accepted in the last minute, as far as this watcher has seen.
    pub fn accepted_last_minute(&self) -> u64 {
        let state = self.state();
        let first = state.accepted.front().map_or(0, |(_, accepted)| *accepted);
        state.accepted.back().map_or(0, |(_, accepted)| *accepted).saturating_sub(first)
    }

    /// Follows the survey for ever.
    pub async fn run(self: Arc<Self>) {
        let mut pause = EVERY;
        loop {
            match self.look().await {
                Ok(()) => pause = EVERY,
                Err(error) => {
                    pause = (pause * 2).min(LONGEST);
                    tracing::warn!(survey = %self.open.id, %error, "no news; trying again");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks once: takes over the status, and asks for what is due.
    async fn look(&self) -> Result<(), Failure> {
        let status = self.open.api.status().await?;
        let closed = status.epochs;
        self.take(status);
        if closed == 0 {
            return Ok(());
        }
        let epochs: Vec<u64> =
            self.open.api.epochs().await?.epochs.iter().map(|epoch| epoch.number).collect();
        // A plan that is refused, by a party's own policy say, must not keep the others from being published.
        let mut refused = None;
        for named in &self.open.definition().plans {
            if self.has(&named.plan, &epochs) {
                continue;
            }
            let choice = Choice::Listed(named.name.clone());
            match self.consumer.ask(&self.open, choice, Some(epochs.clone()), PATIENCE).await {
                Ok(answer) => self.publish(Entry { at: now(), certificate: answer.certificate })?,
                Err(error @ ClientError::Refused(_)) => {
                    tracing::warn!(survey = %self.open.id, plan = named.name, %error, "a plan is refused");
                    refused = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        refused.map_or(Ok(()), |error| Err(error.into()))
    }

    fn has(&self, plan: &stats::Plan, epochs: &[u64]) -> bool {
        let id = plan.id().0;
        let state = self.state();
        let mut statements = state.releases.iter().map(|release| &release.entry.certificate.statement);
        statements.any(|statement| statement.plan.0 == id && statement.epochs == epochs)
    }

    fn take(&self, status: Status) {
        let mut state = self.state();
        let second = now();
        state.accepted.push_back((second, status.accepted));
        while state.accepted.front().is_some_and(|(at, _)| at + 60 < second) {
            state.accepted.pop_front();
        }
        // The server's clock moves all the time: that is no news.
        let news = state
            .status
            .as_ref()
            .is_none_or(|old| Status { now: status.now, parties: status.parties, ..old.clone() } != status);
        state.status = Some(status);
        drop(state);
        if news {
            self.announce(Event::Status);
        }
    }

    fn publish(&self, entry: Entry) -> Result<(), Failure> {
        let release = release(&self.open, entry)?;
        let mut state = self.state();
        state.log.append(&release.entry)?;
        tracing::info!(
            survey = %self.open.id,
            release = release.entry.certificate.statement.release,
            plan = %release.plan,
            "released"
        );
        let number = release.entry.certificate.statement.release;
        state.releases.push(release);
        drop(state);
        self.announce(Event::Release(number));
        Ok(())
    }

    /// Without listeners nobody needs to know.
    fn announce(&self, event: Event) {
        let _listeners = self.events.send(event);
    }
}

/// Why there is no news.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Log(#[from] LogError),
}

fn plan_view(named: &NamedPlan) -> PlanView {
    PlanView { name: named.name.clone(), description: named.description.clone() }
}

/// The command that takes part, with a place for each value that is typed in.
fn join_command(survey: &Survey, reference: &Reference, authority: Option<&str>) -> String {
    let mut command = format!("mpcstats share --survey '{reference}'");
    if let Some(authority) = authority {
        command.push_str(&format!(" --authority '{authority}'"));
    }
    for field in survey.fields.iter().filter(|field| field.self_reported) {
        command.push_str(" --value ");
        command.push_str(&field.name);
        command.push_str("=VALUE");
    }
    command
}

/// The command that checks a certificate offline, with places for its file and its number.
fn verify_command(id: &Id) -> String {
    let files = "mpcstats certificate verify {file} --survey survey.json";
    format!("{files} --survey-id {id} --release {{release}}")
}

/// What a field asks for that is typed in, and what it may be.
fn answer(field: &Field) -> String {
    let values = match (&field.values.values, &field.values.unit) {
        (Values::Category { labels }, _) => format!("one of `{}`", labels.join("`, `")),
        (Values::Boolean, _) => "`true` or `false`".to_owned(),
        (Values::Number { .. }, Some(unit)) => format!("a number in {unit}"),
        (Values::Number { .. }, None) => "a number".to_owned(),
    };
    let words = if field.description.is_empty() { &field.name } else { &field.description };
    format!("`{}`: {words}, {values}", field.name)
}

/// What the command asks for.
fn needs(survey: &Survey) -> Vec<String> {
    survey.source.definition().secrets.values().map(|secret| secret.description.clone()).collect()
}

/// Checks an entry's certificate and reads its results.
fn release(open: &OpenSurvey, entry: Entry) -> Result<Release, ClientError> {
    let survey = open.definition();
    let results = consumer::verify(&open.id, survey, &entry.certificate, None)?;
    let plan = entry.certificate.statement.plan;
    let named = survey.plans.iter().find(|named| named.plan.id().0 == plan.0);
    let plan = named.map_or_else(|| plan.to_string(), |named| named.name.clone());
    Ok(Release { entry, plan, results })
}
