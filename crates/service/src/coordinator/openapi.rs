//! The OpenAPI document of the coordinator's API, made from the same table that its test holds against the
//! router, and from the table of error codes. The client API describes itself in the same way.

use survey::Code;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    ResponseBuilder, Schema,
};

/// One call: method, path, what it does, the type of its body and of its answer, its status, and the refusals that
/// are particular to it. An answer in brackets is a list; one with a slash is a media type, and no JSON.
pub struct Call(
    pub HttpMethod,
    pub &'static str,
    pub &'static str,
    pub Option<&'static str>,
    pub &'static str,
    pub u16,
    pub &'static [Code],
);

/// The public calls.
pub const CALLS: &[Call] = &[
    Call(HttpMethod::Get, "/v1/survey", "The signed survey.", None, "SignedSurvey", 200, &[]),
    Call(HttpMethod::Get, "/v1/status", "Where the survey stands.", None, "Status", 200, &[]),
    Call(
        HttpMethod::Post,
        "/v1/submissions",
        "Submit an attestation with sealed shares.",
        Some("Submission"),
        "Queued",
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
        "SubmissionStatus",
        200,
        &[Code::NotFound],
    ),
    Call(HttpMethod::Get, "/v1/epochs", "The closed epochs.", None, "Epochs", 200, &[]),
    Call(
        HttpMethod::Get,
        "/v1/epochs/{number}/headers",
        "The signed headers of an epoch's records, for inclusion proofs.",
        None,
        "Headers",
        200,
        &[Code::UnknownEpoch],
    ),
    Call(
        HttpMethod::Get,
        "/v1/records/{height}",
        "A batch record with the three parties' signatures.",
        None,
        "SignedRecord",
        200,
        &[Code::NotFound],
    ),
    Call(
        HttpMethod::Post,
        "/v1/queries",
        "Ask for a release. Asking the same again is no new query.",
        Some("SignedQuery"),
        "QueryAccepted",
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
        "What became of a query: the three parties' outputs, sealed to its consumer, or why it was refused.",
        None,
        "QueryStatus",
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

/// The document of an API with these calls.
pub fn describe(title: &str, description: &str, calls: &[Call]) -> OpenApi {
    let paths = calls.iter().fold(PathsBuilder::new(), |paths, call| paths.path(call.1, item(call)));
    let codes = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(Code::ALL.iter().map(|code| code.text())))
        .description(Some("Why something was refused; see the error codes in the docs."));
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let problem = ["cause", "detail", "next_step", "trace"]
        .into_iter()
        .fold(ObjectBuilder::new(), |object, name| object.property(name, text()).required(name))
        .property("code", Ref::from_schema_name("Code"))
        .required("code");
    let mut components = ComponentsBuilder::new().schema("Code", codes).schema("Problem", problem);
    let mut names: Vec<_> = calls
        .iter()
        .flat_map(|call| call.3.into_iter().chain([call.4]))
        .filter(|name| !name.contains('/'))
        .map(element)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let described = format!("The type `{name}`: JSON as serde writes it; see the crates' documentation.");
        components = components.schema(name, ObjectBuilder::new().description(Some(described)));
    }
    let info =
        InfoBuilder::new().title(title).version(env!("CARGO_PKG_VERSION")).description(Some(description));
    OpenApiBuilder::new().info(info.build()).paths(paths).components(Some(components.build())).build()
}

/// The type of which `name` may be a list.
fn element(name: &str) -> &str {
    name.trim_start_matches('[').trim_end_matches(']')
}

/// The media type of a body or an answer, and its content.
fn content(name: &str) -> (&str, Content) {
    if name.contains('/') {
        return (name, ContentBuilder::new().build());
    }
    let one = Ref::from_schema_name(element(name));
    let schema: RefOr<Schema> =
        if name.starts_with('[') { ArrayBuilder::new().items(one).build().into() } else { one.into() };
    ("application/json", ContentBuilder::new().schema(Some(schema)).build())
}

fn item(Call(method, path, summary, body, answer, status, codes): &Call) -> PathItem {
    let (kind, answer) = content(answer);
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
            .content("application/json", content(body).1)
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
            ResponseBuilder::new().description(texts).content("application/json", content("Problem").1);
        operation = operation.response(status.to_string(), response.build());
    }
    PathItem::new(method.clone(), operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_and_code_is_in_the_document() {
        use crate::client_api::openapi as page;
        for (document, calls) in [(document(), CALLS), (page::document(), page::CALLS)] {
            let document = serde_json::to_value(document).unwrap();
            for call in calls {
                assert!(document["paths"].get(call.1).is_some(), "{}", call.1);
                for name in call.3.into_iter().chain([call.4]).filter(|name| !name.contains('/')) {
                    assert!(document["components"]["schemas"].get(element(name)).is_some(), "{name}");
                }
            }
        }
        let document = serde_json::to_value(document()).unwrap();
        let codes = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
