//! Asking the parties of a survey: what a consumer does, natively.

use client::consumer::{self, Consumer};
use client::{ClientError, OpenSurvey, Reference};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde_json::json;
use stats::Plan;
use std::path::PathBuf;
use std::time::Duration;
use survey::{Certificate, Choice, PublicKey};
use tokio::runtime::{Builder, Runtime};

/// How often a wait looks whether the user has interrupted it.
const INTERRUPTIBLE: Duration = Duration::from_millis(100);

/// An open survey, and the keys of a consumer that it lists.
#[pyclass(module = "mpcstats", frozen)]
pub struct Connection {
    runtime: Runtime,
    survey: OpenSurvey,
    consumer: Consumer,
}

#[pymethods]
impl Connection {
    /// Fetches the survey and checks it against the id in its address, or against its organiser's key.
    #[new]
    #[pyo3(signature = (survey, keys, organiser=None))]
    fn new(py: Python<'_>, survey: &str, keys: PathBuf, organiser: Option<&str>) -> PyResult<Self> {
        let reference: Reference = survey.parse().map_err(|error| refusal(&error))?;
        let organiser: Option<PublicKey> = organiser
            .map(str::parse)
            .transpose()
            .map_err(|_| PyValueError::new_err("an organiser's key is 64 hexadecimal digits"))?;
        let consumer = Consumer::read(&keys).map_err(|error| refusal(&error.into()))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        let survey = wait(py, &runtime, OpenSurvey::open(&reference, organiser.as_ref()))?;
        Ok(Self { runtime, survey, consumer })
    }

    /// The survey's id.
    #[getter]
    fn id(&self) -> String {
        self.survey.id.to_string()
    }

    /// The survey's definition, as JSON.
    fn definition(&self) -> PyResult<String> {
        text(self.survey.definition())
    }

    /// The data set's columns, as JSON.
    fn schema(&self) -> PyResult<String> {
        text(&self.survey.definition().schema())
    }

    /// The closed epochs, as JSON.
    fn epochs(&self, py: Python<'_>) -> PyResult<String> {
        let epochs = wait(py, &self.runtime, self.survey.api.epochs())?;
        text(&epochs.epochs)
    }

    /// Asks a plan that the survey lists, by name or as its JSON, or one of the consumer's own; checks the parties'
    /// certificate; returns results and certificate as JSON.
    #[pyo3(signature = (plan, epochs=None, patience=600.0))]
    fn ask(&self, py: Python<'_>, plan: &str, epochs: Option<Vec<u64>>, patience: f64) -> PyResult<String> {
        let patience = Duration::try_from_secs_f64(patience)
            .map_err(|_| PyValueError::new_err("patience is a number of seconds"))?;
        let question = self.consumer.ask(&self.survey, self.choice(plan)?, epochs, patience);
        let answer = wait(py, &self.runtime, question)?;
        text(&json!({ "results": answer.results, "certificate": answer.certificate }))
    }

    /// Checks a certificate against the survey, without asking anybody, and returns its results as JSON. `plan` is the
    /// consumer's own, if the certificate is about one.
    #[pyo3(signature = (certificate, plan=None))]
    fn verify(&self, certificate: &str, plan: Option<&str>) -> PyResult<String> {
        let certificate: Certificate = serde_json::from_str(certificate)
            .map_err(|error| PyValueError::new_err(format!("not a certificate: {error}")))?;
        let own = plan.map(Plan::from_json).transpose().map_err(|error| refusal(&error.into()))?;
        let results = consumer::verify(&self.survey.id, self.survey.definition(), &certificate, own.as_ref());
        text(&results.map_err(|error| refusal(&error))?)
    }
}

impl Connection {
    fn choice(&self, plan: &str) -> PyResult<Choice> {
        let listed = &self.survey.definition().plans;
        if !plan.trim_start().starts_with('{') {
            return Ok(Choice::Listed(plan.to_owned()));
        }
        let own = Plan::from_json(plan).map_err(|error| refusal(&error.into()))?;
        let same = listed.iter().find(|named| named.plan.id() == own.id());
        Ok(same.map_or_else(|| Choice::Own(Box::new(own)), |named| Choice::Listed(named.name.clone())))
    }
}

/// Runs a call of the client; Ctrl-C ends it.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of one lifetime does not serve them all"
)]
fn wait<T: Send>(
    py: Python<'_>,
    runtime: &Runtime,
    call: impl Future<Output = Result<T, ClientError>> + Send,
) -> PyResult<T> {
    py.detach(|| {
        runtime.block_on(async {
            tokio::pin!(call);
            loop {
                tokio::select! {
                    done = &mut call => return done.map_err(|error| refusal(&error)),
                    () = tokio::time::sleep(INTERRUPTIBLE) => Python::attach(|py| py.check_signals())?,
                }
            }
        })
    })
}

fn text(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// A refusal as the package's exception.
fn refusal(error: &ClientError) -> PyErr {
    if let ClientError::Plan(error) = error {
        return crate::convert::refusal(error);
    }
    Python::attach(|py| {
        let raise = || {
            let class = py.import("mpcstats.errors")?.getattr("ClientError")?;
            class.call1((error.code(), error.to_string()))
        };
        raise().map_or_else(|failure| failure, PyErr::from_value)
    })
}
