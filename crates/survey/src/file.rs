//! `survey.toml`: a survey as people write it. The same names as the signed form, with conveniences: the
//! source may live in a file beside it, a plan in a file or in words ([`crate::plans`]), times may be written as
//! dates, and a proven field takes window and values from the source. Who serves the survey (coordinator,
//! parties, notaries, consumers) may stand in a second file, so that one survey can be deployed many times.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use stats::{ColumnType, Plan, Schema};

use crate::code::{Code, Refusal};
use crate::definition::{NamedPlan, Survey};

fn fault(detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidConfiguration, detail)
}

/// Reads a survey. `read` gives the text of a file named relative to the survey's folder, and `trace` the plan that a
/// program in such a file makes of a schema. Every key of `deployment`, if there is one, is taken as if it stood in
/// the survey.
///
/// # Errors
/// [`Code::InvalidConfiguration`] naming what is wrong and where.
pub fn parse(
    text: &str,
    deployment: Option<&str>,
    read: impl Fn(&str) -> Result<String, String>,
    trace: impl Fn(&str, &Schema) -> Result<Plan, String>,
) -> Result<Survey, Refusal> {
    let survey = parse_unchecked(text, deployment, read, trace)?;
    survey.check()?;
    Ok(survey)
}

fn table(name: &str, text: &str) -> Result<toml::Table, Refusal> {
    text.parse().map_err(|error| fault(format!("{name}: {error}")))
}

fn parse_unchecked(
    text: &str,
    deployment: Option<&str>,
    read: impl Fn(&str) -> Result<String, String>,
    trace: impl Fn(&str, &Schema) -> Result<Plan, String>,
) -> Result<Survey, Refusal> {
    let mut survey = Map::new();
    let deployment = deployment.map(|text| table("deployment.toml", text)).transpose()?;
    let deployed = deployment.is_some();
    for (key, value) in table("survey.toml", text)?.into_iter().chain(deployment.into_iter().flatten()) {
        if survey.insert(key.clone(), to_json(value)?).is_some() {
            return Err(fault(format!("deployment.toml: {key} stands in survey.toml already")));
        }
    }
    if !deployed && !survey.contains_key("coordinator") {
        return Err(fault(
            "deployment.toml is missing: `mpcstats survey new` writes one to fill in, and `mpcstats demo --survey` tries \
             the survey without",
        ));
    }
    let read = |path: &str| read(path).map_err(|error| fault(format!("{path}: {error}")));
    survey.entry("version").or_insert(json!(1));
    if let Some(Value::String(path)) = survey.get("source") {
        let source =
            mpctls::Source::from_toml(&read(path)?).map_err(|error| fault(format!("{path}: {error}")))?;
        survey
            .insert("source".into(), serde_json::to_value(source).map_err(|error| fault(error.to_string()))?);
    }
    complete_fields(&mut survey)?;
    let plans = survey.insert("plans".into(), json!([])).unwrap_or_default();
    let mut survey: Survey = serde_json::from_value(Value::Object(survey))
        .map_err(|error| fault(format!("survey.toml: {error}")))?;
    let plans: Vec<PlanEntry> =
        serde_json::from_value(plans).map_err(|error| fault(format!("survey.toml: plans: {error}")))?;
    let schema = survey.schema();
    for entry in plans {
        let plan = match (&entry.file, &entry.program, &entry.column) {
            (None, Some(program), None) => {
                trace(program, &schema).map_err(|error| fault(format!("{program}: {error}")))?
            }
            (Some(path), None, None) => {
                Plan::from_json(&read(path)?).map_err(|error| fault(format!("{path}: {error}")))?
            }
            (None, None, Some(column)) => {
                crate::plans::build(&entry.name, &schema, column, entry.by.as_deref(), &entry.statistics)?
            }
            _ => {
                return Err(fault(format!(
                    "plan {}: give either `file`, or `program`, or `column` and `statistics`",
                    entry.name
                )));
            }
        };
        survey.plans.push(NamedPlan { name: entry.name, description: entry.description, plan });
    }
    Ok(survey)
}

/// A plan as `survey.toml` lists it: a plan's file, a program to be traced, or statistics of a column.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanEntry {
    name: String,
    #[serde(default)]
    description: String,
    file: Option<String>,
    program: Option<String>,
    column: Option<String>,
    by: Option<String>,
    #[serde(default)]
    statistics: Vec<String>,
}

/// A proven field takes its window and, unless it declares them, its values from the source; a typed one has a
/// window of 24 bytes unless it says otherwise.
fn complete_fields(survey: &mut Map<String, Value>) -> Result<(), Refusal> {
    let source: Option<mpctls::Source> =
        survey.get("source").and_then(|source| serde_json::from_value(source.clone()).ok());
    for field in survey.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(field) = field.as_object_mut() else { continue };
        let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(proven) = source.as_ref().and_then(|source| source.field(name)) else {
            field.entry("window").or_insert(json!(24));
            continue;
        };
        let values = values_of(proven).map(serde_json::to_value).transpose();
        let values = values.map_err(|error| fault(error.to_string()))?;
        field.entry("window").or_insert(json!(proven.window));
        if let Some(values) = values {
            field.entry("values").or_insert(values);
        }
    }
    Ok(())
}

/// The column that a source's field makes; none for text.
pub(crate) fn values_of(field: &mpctls::source::Field) -> Option<ColumnType> {
    use mpctls::source::Kind;
    let column = match &field.kind {
        Kind::Decimal { scale, min, max } => ColumnType::number(*scale, (*min).into(), (*max).into()),
        Kind::Integer { min, max } => ColumnType::integer(*min, *max),
        Kind::Boolean => ColumnType::boolean(),
        Kind::Category { categories } => ColumnType::category(categories.iter().cloned()),
        Kind::Text => return None,
    };
    Some(if field.unit.is_empty() { column } else { column.unit(field.unit.clone()) })
}

/// TOML to JSON; dates become Unix seconds.
fn to_json(value: toml::Value) -> Result<Value, Refusal> {
    Ok(match value {
        toml::Value::Datetime(time) => json!(unix_seconds(&time)?),
        toml::Value::Array(values) => {
            Value::Array(values.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => Value::Object(
            table.into_iter().map(|(k, v)| Ok((k, to_json(v)?))).collect::<Result<_, Refusal>>()?,
        ),
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(truth) => json!(truth),
    })
}

/// Unix seconds of a date and time with an offset (`2027-01-31T00:00:00Z`).
fn unix_seconds(time: &toml::value::Datetime) -> Result<i64, Refusal> {
    let (Some(date), Some(clock), Some(offset)) = (time.date, time.time, time.offset) else {
        return Err(fault(format!("{time}: times are written as 2027-01-31T00:00:00Z")));
    };
    let minutes = match offset {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let seconds = i64::from(clock.second.unwrap_or_default());
    Ok(((days * 24 + i64::from(clock.hour)) * 60 + i64::from(clock.minute) - minutes) * 60 + seconds)
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before_year + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_unix_seconds() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-11-22T20:00:00+01:00", 1_795_374_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(unix_seconds(&text.parse().unwrap()).unwrap(), seconds, "{text}");
        }
        assert!(unix_seconds(&"2026-11-22".parse().unwrap()).is_err());
    }
}
