//! Logs to standard error and, if configured, spans to a collector of OpenTelemetry.
//!
//! | variable | |
//! |---|---|
//! | `RUST_LOG` | what is logged: `info` and above, unless it says otherwise |
//! | `MPCSTATS_LOG_FORMAT` | `text`, or `json`: one object a line |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | where spans go, as OTLP over HTTP (`http://collector:4318`); without it none are made |
//! | `OTEL_SERVICE_NAME` | the name under which they go; the role, unless it says otherwise |
//!
//! A span of a trace carries the trace's id ([`crate::http::traced`]), which the three parties share; the spans
//! inside it belong to the same trace. OTLP's JSON form is a few fields, and the HTTP client is here anyway: that
//! is why no exporter library is.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use survey::{Code, Refusal};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// How many spans may wait to be sent; more are dropped, and the server goes on.
const WAITING: usize = 4096;
/// How many spans go at once, and how long the first of them waits for others.
const BATCH: usize = 512;
const PAUSE: Duration = Duration::from_secs(2);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was started; dropping it sends what waits.
#[must_use = "dropping it ends the export of spans"]
pub struct Telemetry {
    sender: Option<JoinHandle<()>>,
    /// Its end ends the thread.
    spans: Option<SyncSender<Option<Value>>>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(spans) = self.spans.take() {
            let _gone = spans.send(None);
        }
        if let Some(sender) = self.sender.take() {
            let _panicked = sender.join();
        }
    }
}

/// Starts logs and spans as the environment says, for a server of this role. A second call, in one process,
/// changes nothing.
///
/// # Errors
/// [`Code::InvalidConfiguration`] if the environment makes no sense.
pub fn start(role: &str) -> Result<Telemetry, Refusal> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match variable("MPCSTATS_LOG_FORMAT").as_deref() {
        None | Some("text") => lines.boxed(),
        Some("json") => lines.json().boxed(),
        Some(other) => {
            let detail = format!("MPCSTATS_LOG_FORMAT: {other} is neither text nor json");
            return Err(Refusal::new(Code::InvalidConfiguration, detail));
        }
    };
    let mut telemetry = Telemetry { sender: None, spans: None };
    let export = match variable("OTEL_EXPORTER_OTLP_ENDPOINT") {
        None => None,
        Some(endpoint) => {
            let name = variable("OTEL_SERVICE_NAME").unwrap_or_else(|| format!("mpcstats-{role}"));
            let (export, sender) = exporter(&endpoint, name)?;
            telemetry = Telemetry { sender: Some(sender), spans: Some(export.spans.clone()) };
            Some(export)
        }
    };
    let _set = tracing_subscriber::registry().with(filter).with(lines).with(export).try_init();
    Ok(telemetry)
}

/// A layer that exports the spans of traces to a collector, and the thread that sends them.
///
/// # Errors
/// [`Code::InvalidConfiguration`] if no thread or client can be made.
pub fn exporter(endpoint: &str, name: String) -> Result<(Export, JoinHandle<()>), Refusal> {
    let fault = |error: std::io::Error| Refusal::new(Code::InvalidConfiguration, error.to_string());
    let (spans, receiver) = sync_channel(WAITING);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let client = crate::http::client::outside()?;
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let work = move || {
        while let Some((batch, ended)) = next_batch(&receiver) {
            let body = document(&name, batch);
            let sending = client.post(&url).timeout(PATIENCE).json(&body).send();
            // A collector that is away costs spans, and nothing else: saying so would make new ones.
            let _sent = runtime.block_on(sending);
            if ended {
                break;
            }
        }
    };
    let thread = std::thread::Builder::new().name("spans".into()).spawn(work).map_err(fault)?;
    Ok((Export { spans }, thread))
}

/// The spans that come within a pause of the first, and whether they are the last.
fn next_batch(receiver: &Receiver<Option<Value>>) -> Option<(Vec<Value>, bool)> {
    let mut batch = vec![receiver.recv().ok().flatten()?];
    while batch.len() < BATCH {
        match receiver.recv_timeout(PAUSE) {
            Ok(Some(span)) => batch.push(span),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return Some((batch, true)),
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    Some((batch, false))
}

/// Spans as OTLP's JSON.
fn document(name: &str, spans: Vec<Value>) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let resource = [text("service.name", name), text("service.version", env!("CARGO_PKG_VERSION"))];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "mpcstats" }, "spans": spans }],
    }] })
}

/// Exports the spans of traces.
#[derive(Debug)]
pub struct Export {
    spans: SyncSender<Option<Value>>,
}

/// What is known of a span while it is open.
struct Open {
    id: [u8; 8],
    /// The trace's id, if this span names it or one around it does.
    trace: Option<String>,
    parent: Option<[u8; 8]>,
    began: SystemTime,
    fields: Fields,
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Export {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let named = fields.0.iter().position(|(name, _)| *name == crate::http::TRACE_FIELD);
        let mut trace = named.map(|at| fields.0.swap_remove(at).1);
        let mut parent = None;
        if let Some(around) = span.parent()
            && let Some(open) = around.extensions().get::<Open>()
        {
            parent = Some(open.id);
            trace = trace.or_else(|| open.trace.clone());
        }
        let open = Open { id: rand::random(), trace, parent, began: SystemTime::now(), fields };
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            record.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        let Some(trace) = open.trace else { return };
        let nanos = |time: SystemTime| {
            time.duration_since(UNIX_EPOCH).map_or_else(|_| "0".into(), |since| since.as_nanos().to_string())
        };
        let attributes: Vec<Value> = open
            .fields
            .0
            .into_iter()
            .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
            .collect();
        let _full = self.spans.try_send(Some(json!({
            "traceId": trace,
            "spanId": hex::encode(open.id),
            "parentSpanId": open.parent.map(hex::encode).unwrap_or_default(),
            "name": span.name(),
            "kind": 1,
            "startTimeUnixNano": nanos(open.began),
            "endTimeUnixNano": nanos(SystemTime::now()),
            "attributes": attributes,
        })));
    }
}
