//! From what the client pushes to a chunk.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::recording::Chunk;
use crate::receiver::unzip;

/// A payload as it comes compressed: gzip in base64, of the JSON of [`chunk`]'s variables.
pub(super) fn unpack(data: &str, limit: usize) -> Result<Map<String, Value>, String> {
    let zipped = STANDARD.decode(data.trim()).map_err(|error| format!("the data is no base64: {error}"))?;
    let json = unzip(&zipped, limit)
        .map_err(|error| format!("the data is no gzip: {error}"))?
        .ok_or_else(|| format!("the data is longer than {limit} bytes"))?;
    serde_json::from_slice(&json).map_err(|error| format!("the data is no JSON object: {error}"))
}

/// A piece of a recording from the variables of `pushPayload`. Some of its lists come as objects,
/// others as texts of JSON with the list below a name.
pub(super) fn chunk(payload_id: u64, variables: &Map<String, Value>) -> Result<Chunk, String> {
    let get = |name: &str| variables.get(name).unwrap_or(&Value::Null);
    let events = list(get("events"), "events")?;
    let times: Vec<u64> = events.iter().filter_map(|event| milliseconds(event.get("timestamp")?)).collect();
    let (count, unloaded) = (events.len(), get("has_session_unloaded").as_bool().unwrap_or(false));
    let json = json!({
        "events": events,
        "resources": list(get("resources"), "resources")?,
        "messages": list(get("messages"), "messages")?,
        "errors": list(get("errors"), "errors")?,
        "webSocketEvents": list(get("web_socket_events"), "webSocketEvents")?,
    })
    .to_string();
    Ok(Chunk {
        payload_id,
        events: count,
        first_ms: times.iter().min().copied().unwrap_or(0),
        last_ms: times.iter().max().copied().unwrap_or(0),
        unloaded,
        length: json.len(),
        gzip: Chunk::pack(json.as_bytes()).map_err(|error| error.to_string())?,
    })
}

/// `[...]`, `{name: [...]}`, either of them as text, or nothing.
fn list(value: &Value, name: &str) -> Result<Vec<Value>, String> {
    let parsed;
    let value = match value {
        Value::String(text) if text.trim().is_empty() => return Ok(Vec::new()),
        Value::String(text) => {
            parsed = serde_json::from_str(text).map_err(|error| format!("{name} is no JSON: {error}"))?;
            &parsed
        }
        other => other,
    };
    let value = value.get(name).unwrap_or(value);
    match value {
        Value::Array(items) => Ok(items.iter().filter(|item| !item.is_null()).cloned().collect()),
        Value::Null | Value::Object(_) => Ok(Vec::new()),
        _ => Err(format!("{name} is no list")),
    }
}

/// A browser's time; it may have a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
fn milliseconds(value: &Value) -> Option<u64> {
    /// The year 5138; and exact as a float.
    const END: f64 = 1e14;
    let time = value.as_f64()?;
    (0.0..END).contains(&time).then_some(time as u64)
}
