//! Logs to standard error and, if configured, spans to a collector of OpenTelemetry.
//!
//! | variable | |
//! |---|---|
//! | `RUST_LOG` | what is logged: `info` and above, unless it says otherwise |
//! | `MPCSTATS_LOG_FORMAT` | `text`, or `json`: one object a line |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | where spans go, as OTLP over HTTP (`http://collector:4318`); without it none are made |
//! | `OTEL_SERVICE_NAME` | the name under which they go; the role, unless it says otherwise |
//!
//! The libraries' own variables hold as well: `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`.
//!
//! A span outside of all others begins a trace under the id that the three parties share ([`crate::http::traced`]);
//! the spans inside it belong to the same trace. What belongs to no trace is not sent.

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId, TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider};
use survey::{Code, Refusal};
use tracing::Subscriber;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::http::trace_id;

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was started; dropping it sends what waits.
#[must_use = "dropping it ends the export of spans"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            // A collector that is away costs spans, and nothing else.
            let _lost = provider.shutdown();
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
    let colours = std::io::stderr().is_terminal() && variable("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match variable("MPCSTATS_LOG_FORMAT").as_deref() {
        None | Some("text") => lines.boxed(),
        Some("json") => lines.json().boxed(),
        Some(other) => {
            let detail = format!("MPCSTATS_LOG_FORMAT: {other} is neither text nor json");
            return Err(Refusal::new(Code::InvalidConfiguration, detail));
        }
    };
    let name = || variable("OTEL_SERVICE_NAME").unwrap_or_else(|| format!("mpcstats-{role}"));
    let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
    let provider = endpoint.map(|endpoint| provider(&endpoint, name())).transpose()?;
    let export = provider.as_ref().map(export);
    let _set = tracing_subscriber::registry().with(filter).with(lines).with(export).try_init();
    Ok(Telemetry(provider))
}

/// Sends spans to a collector, on a thread of its own.
fn provider(endpoint: &str, name: String) -> Result<SdkTracerProvider, Refusal> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .with_http_client(crate::http::client::outside_blocking()?)
        .build()
        .map_err(|error| {
            Refusal::new(Code::InvalidConfiguration, format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))
        })?;
    let service =
        [KeyValue::new("service.name", name), KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_id_generator(Shared::default())
        .with_resource(Resource::builder_empty().with_attributes(service).build())
        .build())
}

/// The layer that makes spans of what is traced.
fn export<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("mpcstats"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(dynamic_filter_fn(|_, context| {
            context.lookup_current().is_some() || !trace_id().is_empty()
        }))
}

/// The ids of traces are those of the present trace, which other servers share; those of spans are random.
#[derive(Clone, Debug, Default)]
struct Shared(RandomIdGenerator);

impl IdGenerator for Shared {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_hex(&trace_id()).unwrap_or_else(|_| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::http::traced;

    #[test]
    fn the_spans_of_a_trace_reach_a_collector() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let (received, bodies) = std::sync::mpsc::channel();
        let take = axum::routing::post(move |axum::Json(body): axum::Json<Value>| async move {
            received.send(body).unwrap();
        });
        let router = axum::Router::new().route("/v1/traces", take);
        runtime.spawn(async move { axum::serve(listener, router).await });

        let provider = provider(&endpoint, "mpcstats-party".into()).unwrap();
        let trace = "0123456789abcdef0123456789abcdef";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(export(&provider)), || {
            tracing::info_span!("of no trace").in_scope(|| ());
            let inside = async { tracing::info_span!("inside", height = 3).in_scope(|| ()) };
            runtime.block_on(traced("batch", trace.into(), inside));
        });
        // What waits is sent.
        drop(Telemetry(Some(provider)));

        let resource = &bodies.try_recv().unwrap()["resourceSpans"][0];
        let about = resource["resource"]["attributes"].as_array().unwrap();
        let name = json!({ "key": "service.name", "value": { "stringValue": "mpcstats-party" } });
        assert!(about.contains(&name), "{about:?}");
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        let [inside, work] = &spans[..] else { panic!("two spans belong to the trace: {spans:?}") };
        assert_eq!((&inside["name"], &work["name"]), (&json!("inside"), &json!("work")));
        assert_eq!((&inside["traceId"], &work["traceId"]), (&json!(trace), &json!(trace)));
        assert_eq!(inside["parentSpanId"], work["spanId"]);
        assert_eq!(work["parentSpanId"], "");
        let attributes = inside["attributes"].as_array().unwrap();
        assert!(attributes.iter().any(|one| one["key"] == "height"), "{attributes:?}");
    }
}
