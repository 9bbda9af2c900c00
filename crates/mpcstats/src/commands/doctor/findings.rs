//! What was found.

use std::fmt::Write as _;

use serde::Serialize;
use survey::Id;

use crate::commands::{Failure, text};

/// How good or bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    /// Works now, but somebody should look at it.
    Warning,
    /// Does not work.
    Problem,
}

/// One check's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which server; `survey`, or `here` for the host that the command runs on.
    pub at: String,
    /// What was looked at: a stable name.
    pub check: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub fn good(at: &str, check: &'static str, found: impl Into<String>) -> Self {
        Self { at: at.into(), check, verdict: Verdict::Good, found: found.into(), fix: None }
    }

    pub fn warning(
        at: &str,
        check: &'static str,
        found: impl std::fmt::Display,
        fix: impl Into<String>,
    ) -> Self {
        let (found, fix) = (found.to_string(), Some(fix.into()));
        Self { at: at.into(), check, verdict: Verdict::Warning, found, fix }
    }

    pub fn problem(
        at: &str,
        check: &'static str,
        found: impl std::fmt::Display,
        fix: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Problem, ..Self::warning(at, check, found, fix) }
    }
}

/// All findings.
#[derive(Serialize)]
pub struct Report {
    pub survey: Option<Id>,
    pub title: String,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn problems(&self) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Problem).count()
    }

    pub fn json(&self) -> Result<String, Failure> {
        let mut object = serde_json::to_value(self)?;
        object["problems"] = self.problems().into();
        Ok(format!("{object}\n"))
    }

    /// For a terminal so wide: a line a finding, and what to do under those that need it.
    pub fn table(&self, columns: Option<usize>) -> String {
        let mut table = String::new();
        if let Some(id) = &self.survey {
            table = format!("{} ({id})\n\n", self.title);
        }
        let width = |of: fn(&Finding) -> &str| {
            self.findings.iter().map(|finding| of(finding).len()).max().unwrap_or(0)
        };
        let (at, check) = (width(|finding| &finding.at), width(|finding| finding.check));
        for finding in &self.findings {
            let verdict = match finding.verdict {
                Verdict::Good => "good   ",
                Verdict::Warning => "warning",
                Verdict::Problem => "PROBLEM",
            };
            let _infallible = writeln!(
                table,
                "  {verdict}  {:at$}  {:check$}  {}",
                finding.at, finding.check, finding.found
            );
            if let Some(fix) = &finding.fix {
                let line = format!("           {:at$}  {:check$}  -> {fix}\n", "", "");
                table += &text::sentences(&line, columns);
            }
        }
        table.push('\n');
        table
    }
}
