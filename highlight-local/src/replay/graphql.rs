//! The client's GraphQL: its operations by name, and answers in the shape it expects.
//!
//! The queries are those of the client, so nothing is gained by parsing them: the operation's name
//! and the variables say it all.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{payload, sessions::Recordings};

/// What the client asks for; the names of the fields, which the answer repeats.
const OPERATIONS: [&str; 10] = [
    "initializeSession",
    "pushSessionEvents",
    "pushPayloadCompressed",
    "pushPayload",
    "identifySession",
    "addSessionProperties",
    "addSessionFeedback",
    "pushMetrics",
    "sampling",
    "ignore",
];

/// Answers a request. Like any GraphQL server it says 200 also to what it refuses, with `errors`;
/// what is no GraphQL request at all is an error here.
pub(crate) fn answer(recordings: &Recordings, body: &[u8], limit: usize) -> Result<String, String> {
    let request: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let query = request.get("query").and_then(Value::as_str).unwrap_or_default();
    let operation = request.get("operationName").and_then(Value::as_str).unwrap_or_default();
    if query.is_empty() && operation.is_empty() {
        return Err("it has neither query nor operationName".to_owned());
    }
    let empty = Map::new();
    let variables = Variables(request.get("variables").and_then(Value::as_object).unwrap_or(&empty));
    let outcome = field_of(operation, query)
        .ok_or_else(|| "this operation is not known here".to_owned())
        .and_then(|field| Ok((field, perform(recordings, field, &variables, limit)?)));
    let answer = match outcome {
        Ok((field, value)) => json!({ "data": Map::from_iter([(field.to_owned(), value)]) }),
        Err(message) => json!({ "data": null, "errors": [{ "message": message }] }),
    };
    Ok(answer.to_string())
}

/// The field that is asked for: by the operation's name, or, where the client leaves that out, by
/// the query.
fn field_of(operation: &str, query: &str) -> Option<&'static str> {
    let named = |field: &&&str| operation.eq_ignore_ascii_case(field);
    if let Some(field) = OPERATIONS.iter().find(named) {
        return Some(field);
    }
    if operation.eq_ignore_ascii_case("GetSamplingConfig") {
        return Some("sampling");
    }
    let selection = query.split_once('{')?.1.trim_start();
    let end = selection.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(selection.len());
    OPERATIONS.iter().find(|field| **field == &selection[..end]).copied()
}

fn perform(
    recordings: &Recordings,
    field: &str,
    variables: &Variables<'_>,
    limit: usize,
) -> Result<Value, String> {
    match field {
        "initializeSession" => {
            let id = variables.session_id()?;
            let project = variables.text("organization_verbose_id");
            recordings.change(id, |recording| {
                let text = |name| cut(variables.text(name)).to_owned();
                recording.project = text("organization_verbose_id");
                recording.environment = text("environment");
                recording.service_name = text("serviceName");
                recording.app_version = text("appVersion");
                recording.client_version = text("clientVersion");
            });
            // The client wants a number that is not zero.
            let number = project.parse().ok().filter(|number: &u32| *number > 0).unwrap_or(1);
            Ok(json!({ "secure_id": id, "project_id": number.to_string(), "sampling": everything() }))
        }
        "pushSessionEvents" | "pushPayloadCompressed" => {
            let payload = payload::unpack(variables.text("data"), limit)?;
            let chunk = payload::chunk(variables.payload_id()?, &payload)?;
            recordings.add(variables.session_id()?, chunk);
            Ok(Value::Null)
        }
        "pushPayload" => {
            let chunk = payload::chunk(variables.payload_id()?, variables.0)?;
            let events = chunk.events;
            recordings.add(variables.session_id()?, chunk);
            Ok(events.into())
        }
        "identifySession" => {
            let id = variables.session_id()?;
            recordings.change(id, |recording| {
                recording.user = Some(cut(variables.text("user_identifier")).to_owned());
                variables.copy_properties("user_object", &mut recording.user_properties);
            });
            Ok(id.into())
        }
        "addSessionProperties" => {
            let id = variables.session_id()?;
            recordings.change(id, |recording| {
                variables.copy_properties("properties_object", &mut recording.properties);
            });
            Ok(id.into())
        }
        // Answered, so that the client goes on; the same numbers come as OTLP metrics.
        "pushMetrics" => Ok(variables.0.get("metrics").and_then(Value::as_array).map_or(0, Vec::len).into()),
        "addSessionFeedback" => Ok(variables.session_id()?.into()),
        "sampling" => Ok(everything()),
        _ => Ok(Value::Null),
    }
}

/// No rule: nothing is sampled away.
fn everything() -> Value {
    json!({ "spans": [], "logs": [] })
}

struct Variables<'a>(&'a Map<String, Value>);

impl Variables<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The client's are 28 letters and digits (C§4.1); a test's may be shorter.
    fn session_id(&self) -> Result<&str, String> {
        let id = self.text("session_secure_id");
        let is_id = (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_id { Ok(id) } else { Err("session_secure_id is no session's id".to_owned()) }
    }

    /// A number, as number or text.
    fn payload_id(&self) -> Result<u64, String> {
        let value = self.0.get("payload_id");
        let number = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        number.ok_or_else(|| "payload_id is no number".to_owned())
    }

    fn copy_properties(&self, name: &str, into: &mut BTreeMap<String, String>) {
        const MOST: usize = 256;
        let Some(properties) = self.0.get(name).and_then(Value::as_object) else { return };
        for (key, value) in properties {
            if into.len() >= MOST && !into.contains_key(key) {
                break;
            }
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            into.insert(cut(key).to_owned(), cut(&text).to_owned());
        }
    }
}

/// What a session is described with is kept short; the client itself cuts at 2,000 letters.
fn cut(text: &str) -> &str {
    const LONGEST: usize = 8_000;
    let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
