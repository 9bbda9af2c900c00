//! Announcing records and releases to an outside system by signed POSTs, in order, each until it is taken: across
//! restarts, too, since how far the announcements have come is stored.

use std::sync::Arc;
use std::time::Duration;

use survey::wire::Event;
use survey::{Code, Identity, Purpose, Refusal, Signed};
use tokio::sync::Notify;

use crate::coordinator::tables::Tables;

/// The longest pause before an announcement is tried again; pauses double from a second.
const LONGEST: Duration = Duration::from_mins(1);
/// How often is looked for what another coordinator has put into the shared database.
const EVERY: Duration = Duration::from_secs(5);

/// Where announcements go. The receiver checks `signature` over the canonical JSON of `body` with the server's
/// public key, and may see an announcement more than once.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: String,
    identity: Identity,
    http: reqwest::Client,
}

impl Webhook {
    /// Announcements to a URL, signed by an identity.
    ///
    /// # Errors
    /// [`Code::InvalidConfiguration`] if TLS cannot be configured.
    pub fn new(url: &str, identity: Identity) -> Result<Self, Refusal> {
        let http = crate::http::client::outside()?;
        Ok(Self { url: url.to_owned(), identity, http })
    }

    /// Announces whatever is to be announced, for ever. `news` tells that there may be something.
    pub async fn follow(self, tables: Tables, news: Arc<Notify>) {
        let mut pause = Duration::from_secs(1);
        loop {
            match self.announce_next(&tables).await {
                Ok(true) => pause = Duration::from_secs(1),
                Ok(false) => {
                    let _ = tokio::time::timeout(EVERY, news.notified()).await;
                }
                Err(refusal) => {
                    tracing::warn!(url = %self.url, %refusal, "announcement failed; it is tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST);
                }
            }
        }
    }

    /// Announces what comes next, if there is anything.
    async fn announce_next(&self, tables: &Tables) -> Result<bool, Refusal> {
        let Some((event, place)) = tables.to_announce().await? else { return Ok(false) };
        self.announce(&event).await?;
        tables.announced(place).await?;
        Ok(true)
    }

    /// Announces an event once.
    ///
    /// # Errors
    /// [`Code::Internal`] if the receiver does not take it.
    pub async fn announce(&self, event: &Event) -> Result<(), Refusal> {
        let signed = Signed::new(event, Purpose::Webhook, &self.identity)?;
        let failed = |error: reqwest::Error| Refusal::new(Code::Internal, error.to_string());
        let response = self.http.post(&self.url).json(&signed).send().await.map_err(failed)?;
        response.error_for_status().map(|_| ()).map_err(failed)
    }
}
