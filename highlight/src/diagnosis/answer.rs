//! What the answer to an export request says about who gave it.

use http::{StatusCode, header};

use super::{Finding, Verdict};
use crate::{
    config::{Endpoint, masked},
    pipeline::Reply,
};

/// What an answer means. `message` goes on after the path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    verdict: Verdict,
    message: String,
    remedy: String,
}

impl Judgement {
    fn ok(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, message: message.into(), remedy: String::new() }
    }

    fn warning(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, message: message.into(), remedy: remedy.into() }
    }

    fn problem(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Problem, message: message.into(), remedy: remedy.into() }
    }

    /// The finding about these paths.
    pub(super) fn about(self, paths: &str) -> Finding {
        let message = format!("{paths} {}", self.message);
        match self.verdict {
            Verdict::Ok => Finding::ok("answer", message),
            Verdict::Warning => Finding::warning("answer", message, self.remedy),
            Verdict::Problem => Finding::problem("answer", message, self.remedy),
        }
    }
}

/// Judges the answer to an export request that holds nothing, which a receiver accepts (C§1.4).
pub(super) fn judge(reply: &Reply, endpoint: &Endpoint) -> Judgement {
    let status = reply.status;
    if status.is_redirection() {
        return redirect(reply, endpoint);
    }
    if reply.head.contains("HTTP request to an HTTPS server")
        || reply.head.contains("plain HTTP request was sent to HTTPS port")
    {
        return Judgement::problem("answers that it wants TLS", "write `https://`");
    }
    if is_page(reply) {
        return Judgement::problem(
            format!("answers {} with a web page: this is no OTLP receiver", status.as_u16()),
            "use the OTLP/HTTP port, which is usually 4318, and not the address of a frontend or a login",
        );
    }
    let answers = format!("answers {}", status.as_u16());
    match status {
        _ if status.is_success() => accepted(reply),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Judgement::problem(
            format!("{answers}: it wants credentials, or other ones"),
            "send them with `Config::header` or HIGHLIGHT_OTLP_HEADERS",
        ),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Judgement::problem(
            format!("{answers}: a proxy wants credentials"),
            "write them into the proxy's URL, or name the endpoint's host in NO_PROXY",
        ),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Judgement::problem(
            format!("{answers}: an HTTP server without this path of OTLP"),
            "check the port (usually 4318), and the path of the endpoint, to which `/v1/...` is appended; \
             Highlight's backend without a collector is at `:8082/otel`",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Judgement::problem(
            format!("{answers}: it does not take protobuf"),
            "point the endpoint to a receiver of OTLP/HTTP with protobuf",
        ),
        StatusCode::BAD_REQUEST => Judgement::problem(
            format!("{answers}: it does not understand the request"),
            "check that an OTLP/HTTP receiver listens there, and that nothing in between changes bodies; \
             `Compression::None` if it does not take gzip",
        ),
        StatusCode::TOO_MANY_REQUESTS => Judgement::warning(
            format!("{answers}: it is asked too often"),
            "what waits is tried again; raise the server's limit if this lasts",
        ),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Judgement::problem(
                format!("{answers}: the server behind it is down or overloaded"),
                "start or restart it; what waits is tried again for as long as `retry_for` says",
            )
        }
        _ => Judgement::problem(
            format!("{answers}: it refuses what a receiver of OTLP accepts"),
            "check that an OTLP/HTTP receiver listens there, and its log",
        ),
    }
}

fn accepted(reply: &Reply) -> Judgement {
    let content_type = reply.header(header::CONTENT_TYPE);
    // The collector answers with protobuf, the backend with nothing at all (C§1.4).
    let is_otlp = reply.head.is_empty() || content_type.starts_with("application/x-protobuf");
    if is_otlp {
        return Judgement::ok(format!("accepted, status {}", reply.status.as_u16()));
    }
    Judgement::warning(
        format!("answers {}, but not as OTLP does ({})", reply.status.as_u16(), masked(content_type)),
        "check that an OTLP/HTTP receiver listens there: others say yes to anything",
    )
}

fn is_page(reply: &Reply) -> bool {
    let head = reply.head.trim_start();
    let begins = |with: &str| head.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    reply.header(header::CONTENT_TYPE).starts_with("text/html")
        && (reply.status.is_success() || reply.status.is_server_error())
        || begins("<!doctype html") && reply.status.is_success()
}

/// Telemetry goes to the named server or nowhere: redirects are not followed.
fn redirect(reply: &Reply, endpoint: &Endpoint) -> Judgement {
    let location = reply.header(header::LOCATION);
    let (place, _query) = location.split_once(['?', '#']).unwrap_or((location, ""));
    let place = masked(place);
    let base = ["/v1/traces", "/v1/logs", "/v1/metrics"].iter().find_map(|path| place.strip_suffix(path));
    let remedy = match base {
        Some(base) if base.contains("://") => format!("set the endpoint to {base}"),
        _ => "set the endpoint to where the receiver is; a login in front of it must let export requests through"
            .to_owned(),
    };
    // Each signal is sent to its own path, which is no difference.
    let place = base.unwrap_or(&place);
    Judgement::problem(
        format!("answers {}: {endpoint} redirects to {place}, which is not followed", reply.status.as_u16()),
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderMap;

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &str)], head: &str) -> Reply {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            head: head.to_owned(),
            at: SystemTime::now(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn every_answer_has_its_verdict_and_its_remedy() {
        let html = ("content-type", "text/html; charset=utf-8");
        let json = ("content-type", "application/json");
        let text = ("content-type", "text/plain");
        let protobuf = ("content-type", "application/x-protobuf");
        let table = [
            // What receivers say.
            (reply(200, &[], ""), Verdict::Ok, ""),
            (reply(200, &[protobuf], ""), Verdict::Ok, ""),
            (reply(200, &[protobuf], "\u{a}\0"), Verdict::Ok, ""),
            (reply(202, &[text], ""), Verdict::Ok, ""),
            // What others say.
            (reply(200, &[json], "{\"ok\":true}"), Verdict::Warning, "yes to anything"),
            (reply(200, &[text], "It works!"), Verdict::Warning, "yes to anything"),
            (reply(200, &[html], "<p>"), Verdict::Problem, "frontend"),
            (reply(200, &[], " <!DOCTYPE html><html>"), Verdict::Problem, "frontend"),
            (reply(404, &[json], "{\"error\":\"no route\"}"), Verdict::Problem, "4318"),
            (reply(404, &[html], "<h1>404</h1>"), Verdict::Problem, "4318"),
            (reply(405, &[], ""), Verdict::Problem, "4318"),
            (
                reply(400, &[text], "Client sent an HTTP request to an HTTPS server.\n"),
                Verdict::Problem,
                "https://",
            ),
            (
                reply(400, &[html], "<b>The plain HTTP request was sent to HTTPS port</b>"),
                Verdict::Problem,
                "https://",
            ),
            (reply(400, &[text], "invalid gzip"), Verdict::Problem, "gzip"),
            (reply(401, &[], ""), Verdict::Problem, "HIGHLIGHT_OTLP_HEADERS"),
            (reply(403, &[], ""), Verdict::Problem, "HIGHLIGHT_OTLP_HEADERS"),
            (reply(407, &[], ""), Verdict::Problem, "NO_PROXY"),
            (reply(415, &[], ""), Verdict::Problem, "protobuf"),
            (reply(429, &[], ""), Verdict::Warning, "limit"),
            (reply(502, &[], ""), Verdict::Problem, "restart"),
            (reply(503, &[], ""), Verdict::Problem, "restart"),
            (reply(500, &[], ""), Verdict::Problem, "log"),
            (reply(418, &[], ""), Verdict::Problem, "log"),
        ];
        let endpoint = Endpoint::parse("http://localhost:4318").unwrap();
        for (reply, verdict, remedy) in table {
            let judgement = judge(&reply, &endpoint);
            assert_eq!(judgement.verdict, verdict, "{reply:?}: {judgement:?}");
            assert!(judgement.remedy.contains(remedy), "{reply:?}: {judgement:?}");
            assert_eq!(judgement.remedy.is_empty(), verdict == Verdict::Ok, "{judgement:?}");
        }
    }

    #[test]
    fn a_redirect_says_where_to_without_its_secrets() {
        let endpoint = Endpoint::parse("http://host").unwrap();
        for (location, remedy, shown) in [
            ("https://host/v1/logs", "set the endpoint to https://host", "to https://host,"),
            ("https://u:hunter2@host/v1/logs", "[hidden]@host", "[hidden]@host,"),
            ("https://login/?token=hunter2", "login", "https://login/,"),
            ("/v1/logs", "where the receiver is", "redirects to"),
            ("", "where the receiver is", "redirects to"),
        ] {
            let judgement = judge(&reply(307, &[("location", location)], ""), &endpoint);
            assert_eq!(judgement.verdict, Verdict::Problem);
            assert!(judgement.remedy.contains(remedy), "{judgement:?}");
            assert!(judgement.message.contains(shown), "{judgement:?}");
            assert!(!format!("{judgement:?}").contains("hunter2"), "{judgement:?}");
        }
    }
}
