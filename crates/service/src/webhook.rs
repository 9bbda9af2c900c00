//! Announcing records and releases to an outside system: a signed POST, tried again for a while.

use std::time::Duration;

use survey::wire::Event;
use survey::{Code, Identity, Purpose, Refusal, Signed};

/// How often an announcement is tried, with pauses that double from a second.
const ATTEMPTS: u32 = 8;

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

    /// Announces an event in the background.
    pub fn announce(&self, event: Event) {
        let this = self.clone();
        tokio::spawn(async move {
            for attempt in 0..ATTEMPTS {
                match this.send(&event).await {
                    Ok(()) => return,
                    Err(refusal) => tracing::warn!(url = %this.url, %refusal, "announcement failed"),
                }
                tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
            }
        });
    }

    async fn send(&self, event: &Event) -> Result<(), Refusal> {
        let signed = Signed::new(event, Purpose::Webhook, &self.identity)?;
        let failed = |error: reqwest::Error| Refusal::new(Code::Internal, error.to_string());
        let response = self.http.post(&self.url).json(&signed).send().await.map_err(failed)?;
        response.error_for_status().map(|_| ()).map_err(failed)
    }
}
