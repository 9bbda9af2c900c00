//! The OpenAPI document of the coordinator's API, made from the same table that its test holds against the
//! router, from the types that travel, and from the table of error codes. The client API describes itself in the same
//! way.

use survey::wire::{Epochs, Headers, Problem, QueryAccepted, QueryStatus, Queued, Status, SubmissionStatus};
use survey::{Code, Query, Signed, SignedRecord, Submission, Survey};
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    ResponseBuilder, Schema,
};

/// One call: method, path, what it does, its body and its answer, its status, and the refusals that are particular
/// to it.
pub struct Call(
    pub HttpMethod,
    pub &'static str,
    pub &'static str,
    pub Option<Body>,
    pub Body,
    pub u16,
    pub &'static [Code],
);

/// What a schema refers to, by name.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// What a call takes or gives.
pub enum Body {
    /// JSON of the type of this name.
    One(&'static str, fn(&mut Schemas) -> RefOr<Schema>),
    /// A list of such.
    List(&'static str, fn(&mut Schemas) -> RefOr<Schema>),
    /// Another media type.
    Other(&'static str),
}

impl Body {
    /// JSON of a type.
    pub const fn one<T: ToSchema>(name: &'static str) -> Self {
        Self::One(name, schema::<T>)
    }

    /// JSON of a type under a signature.
    pub const fn signed<T: ToSchema>(name: &'static str) -> Self {
        Self::One(name, signed::<T>)
    }

    /// A list of a type, as JSON.
    pub const fn list<T: ToSchema>(name: &'static str) -> Self {
        Self::List(name, schema::<T>)
    }

    /// Adds the schemas of the type, and of what is in it.
    fn add(&self, schemas: &mut Schemas) {
        if let Self::One(name, schema) | Self::List(name, schema) = self {
            let own = schema(schemas);
            schemas.push(((*name).to_owned(), own));
        }
    }

    /// The media type, and the content.
    fn content(&self) -> (&'static str, Content) {
        let (name, list) = match self {
            Self::One(name, _) => (name, false),
            Self::List(name, _) => (name, true),
            Self::Other(kind) => return (kind, ContentBuilder::new().build()),
        };
        let one = Ref::from_schema_name(*name);
        let schema: RefOr<Schema> =
            if list { ArrayBuilder::new().items(one).build().into() } else { one.into() };
        ("application/json", ContentBuilder::new().schema(Some(schema)).build())
    }
}

/// What is signed is named apart: a generic type does not bring its parameter along.
fn signed<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    schemas.push((T::name().into_owned(), T::schema()));
    schema::<Signed<T>>(schemas)
}

fn schema<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    T::schemas(schemas);
    T::schema()
}

/// The public calls.
pub const CALLS: &[Call] = &[
    Call(
        HttpMethod::Get,
        "/v1/survey",
        "The signed survey.",
        None,
        Body::signed::<Survey>("SignedSurvey"),
        200,
        &[],
    ),
    Call(
        HttpMethod::Get,
        "/v1/status",
        "Where the survey stands.",
        None,
        Body::one::<Status>("Status"),
        200,
        &[],
    ),
    Call(
        HttpMethod::Post,
        "/v1/submissions",
        "Submit an attestation with sealed shares.",
        Some(Body::one::<Submission>("Submission")),
        Body::one::<Queued>("Queued"),
        202,
        &[
            Code::TooLarge,
            Code::WrongSurvey,
            Code::SurveyNotOpen,
            Code::SurveyClosed,
            Code::BadSignature,
            Code::InvalidAttestation,
            Code::UnknownNotary,
            Code::ModeNotAccepted,
            Code::StaleAttestation,
            Code::FutureAttestation,
            Code::DuplicateAccount,
            Code::DuplicateSubmission,
            Code::Timeout,
            Code::UnreadableShares,
            Code::RateLimited,
            Code::QueueFull,
        ],
    ),
    Call(
        HttpMethod::Get,
        "/v1/submissions/{id}",
        "What became of a submission: its place in the queue, its receipt, or why it was refused.",
        None,
        Body::one::<SubmissionStatus>("SubmissionStatus"),
        200,
        &[Code::NotFound],
    ),
    Call(HttpMethod::Get, "/v1/epochs", "The closed epochs.", None, Body::one::<Epochs>("Epochs"), 200, &[]),
    Call(
        HttpMethod::Get,
        "/v1/epochs/{number}/headers",
        "The signed headers of an epoch's records, for inclusion proofs.",
        None,
        Body::one::<Headers>("Headers"),
        200,
        &[Code::UnknownEpoch],
    ),
    Call(
        HttpMethod::Get,
        "/v1/records/{height}",
        "A batch record with the three parties' signatures.",
        None,
        Body::one::<SignedRecord>("SignedRecord"),
        200,
        &[Code::NotFound],
    ),
    Call(
        HttpMethod::Post,
        "/v1/queries",
        "Ask for a release. Asking the same again is no new query.",
        Some(Body::signed::<Query>("SignedQuery")),
        Body::one::<QueryAccepted>("QueryAccepted"),
        202,
        &[
            Code::WrongSurvey,
            Code::BadSignature,
            Code::UnknownConsumer,
            Code::UnknownPlan,
            Code::UnknownEpoch,
            Code::RateLimited,
            Code::QueueFull,
        ],
    ),
    Call(
        HttpMethod::Get,
        "/v1/queries/{id}",
        "What became of a query: the three parties' outputs, sealed to its consumer, or why it was refused. While it runs, the answer is held back for up to a second.",
        None,
        Body::one::<QueryStatus>("QueryStatus"),
        200,
        &[Code::NotFound],
    ),
];

/// The document.
pub fn document() -> OpenApi {
    describe(
        "mpcstats coordinator",
        "Submissions and queries of one survey. A failed call answers with a Problem.",
        CALLS,
    )
}

/// What a failed call answers.
const PROBLEM: Body = Body::one::<Problem>("Problem");

/// The document of an API with these calls.
pub fn describe(title: &str, description: &str, calls: &[Call]) -> OpenApi {
    let paths = calls.iter().fold(PathsBuilder::new(), |paths, call| paths.path(call.1, item(call)));
    let mut schemas = Schemas::new();
    PROBLEM.add(&mut schemas);
    for body in calls.iter().flat_map(|call| call.3.iter().chain([&call.4])) {
        body.add(&mut schemas);
    }
    let components =
        schemas.into_iter().fold(ComponentsBuilder::new(), |all, (name, schema)| all.schema(name, schema));
    let info =
        InfoBuilder::new().title(title).version(env!("CARGO_PKG_VERSION")).description(Some(description));
    OpenApiBuilder::new().info(info.build()).paths(paths).components(Some(components.build())).build()
}

fn item(Call(method, path, summary, body, answer, status, codes): &Call) -> PathItem {
    let (kind, answer) = answer.content();
    let success = ResponseBuilder::new().description("Done.").content(kind, answer);
    let mut operation =
        OperationBuilder::new().summary(Some(*summary)).response(status.to_string(), success.build());
    for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let schema: RefOr<Schema> =
            ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).build().into();
        let parameter = ParameterBuilder::new()
            .name(parameter)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema));
        operation = operation.parameter(parameter);
    }
    if let Some(body) = body {
        let body = utoipa::openapi::request_body::RequestBodyBuilder::new()
            .content("application/json", body.content().1)
            .required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
    if body.is_some() {
        statuses.push(400);
    }
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let texts: Vec<_> =
            codes.iter().filter(|code| code.status() == status).map(|code| code.text()).collect();
        let texts = if texts.is_empty() { "malformed".to_owned() } else { texts.join(", ") };
        let response =
            ResponseBuilder::new().description(texts).content("application/json", PROBLEM.content().1);
        operation = operation.response(status.to_string(), response.build());
    }
    PathItem::new(method.clone(), operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::Value;

    /// Every reference in a document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_call_type_and_code_is_in_the_document() {
        use crate::client_api::openapi as page;
        for (document, calls) in [(document(), CALLS), (page::document(), page::CALLS)] {
            let document = serde_json::to_value(document).unwrap();
            for call in calls {
                assert!(document["paths"].get(call.1).is_some(), "{}", call.1);
            }
            let mut found = Vec::new();
            references(&document, &mut found);
            for reference in found {
                let name = reference.strip_prefix("#/components/schemas/").unwrap();
                assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            }
        }
        let document = serde_json::to_value(document()).unwrap();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Code"]["enum"].as_array().unwrap().len(), Code::ALL.len());
        assert_eq!(schemas["Submission"]["properties"]["survey"]["$ref"], "#/components/schemas/Id");
    }

    /// What travels has the properties that the document says, and no other.
    #[test]
    fn the_schemas_are_those_of_what_travels() {
        let fixture = crate::fixture::Fixture::new(1_800_000_000, Vec::new()).unwrap();
        let submission = fixture.submission("ann", "1.5", 1_800_000_000).unwrap();
        let signed = fixture.survey.clone().sign(&fixture.organiser).unwrap();
        let document = serde_json::to_value(document()).unwrap();
        let of = |name: &str| {
            let properties = document["components"]["schemas"][name]["properties"].as_object().unwrap();
            properties.keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        for (name, value) in [
            ("Submission", serde_json::to_value(&submission).unwrap()),
            ("SignedSurvey", serde_json::to_value(&signed).unwrap()),
            ("Survey", serde_json::to_value(&signed.body).unwrap()),
        ] {
            let keys: std::collections::BTreeSet<_> = value.as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, of(name), "{name}");
        }
    }
}
