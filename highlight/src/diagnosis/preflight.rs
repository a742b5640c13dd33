//! Whether a service answers a browser's preflight so that the session's headers may follow.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Uri, header};

use super::{Diagnosis, Finding, connection};
use crate::{
    config::Endpoint,
    pipeline::{Deadline, Probe, Reply, TransportSettings},
    propagation::REQUEST_HEADER,
};

/// What the browser client adds to a page's calls (C§4.1), in the order in which a browser asks for it.
const ASKED: [&str; 2] = ["traceparent", REQUEST_HEADER];

/// Asks a service what a browser would ask before it sends the session along, and judges the answer as a browser does.
///
/// `service` is the URL of a call that the page makes, `origin` the page's own: scheme, host and port, if it is not the scheme's.
/// If a service refuses, the page's own calls fail (C§4.1). Takes at most `timeout`, sends nothing but the question.
///
/// ```no_run
/// use std::time::Duration;
/// use highlight::diagnosis;
///
/// let timeout = Duration::from_secs(5);
/// print!("{}", diagnosis::preflight("https://api.shop.example/orders", "https://shop.example", timeout));
/// ```
pub fn preflight(service: &str, origin: &str, timeout: Duration) -> Diagnosis {
    Diagnosis::from_iter([check(service, origin, timeout)])
}

fn check(service: &str, origin: &str, timeout: Duration) -> Finding {
    let Some((url, server)) = service_url(service) else {
        return refused("the service is not given as a URL", "write it as `https://api.shop.example/orders`");
    };
    let Some((origin, value)) = origin_of(origin) else {
        return refused(
            "the origin is not one",
            "write scheme, host and port alone, as in `https://shop.example`, without a path or a slash",
        );
    };
    if origin == server {
        return Finding::ok("preflight", format!("{server} has the page's own origin: no browser asks"));
    }
    // The same TLS and the same proxies as the exporter's, by default; nothing of its headers.
    let probe = Probe::new(TransportSettings::to(server.clone()));
    let limit =
        Deadline::after(timeout).remaining().map_or(probe.timeout(), |left| left.min(probe.timeout()));
    match probe.options(&url, question(value), limit) {
        Ok(reply) => judge(&reply, &origin.to_string()),
        Err(error) => {
            let (message, remedy) = connection::describe(&error, &server);
            Finding::problem("preflight", message, remedy)
        }
    }
}

fn refused(message: &'static str, remedy: &'static str) -> Finding {
    Finding::problem("preflight", message, remedy)
}

/// The URL, and the part of it that names the server.
fn service_url(service: &str) -> Option<(Uri, Endpoint)> {
    let url: Uri = service.parse().ok()?;
    let server = Endpoint::parse(&format!("{}://{}", url.scheme()?, url.authority()?)).ok()?;
    Some((url, server))
}

fn origin_of(text: &str) -> Option<(Endpoint, HeaderValue)> {
    let origin = Endpoint::parse(text).ok()?;
    // A browser writes no path, no slash, and no upper case.
    (origin.to_string() == text && text == text.to_ascii_lowercase() && text.matches('/').count() == 2)
        .then(|| HeaderValue::from_str(text).ok().map(|value| (origin, value)))?
}

/// The headers of the preflight (Fetch standard, "CORS-preflight fetch"). `GET`, as `POST`, never has to be allowed.
fn question(origin: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([
        (header::ORIGIN, origin),
        (header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET")),
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_str(&ASKED.join(",")).unwrap_or_else(|_| HeaderValue::from_static("")),
        ),
    ])
}

/// The Fetch standard's judgement: "CORS check" and "CORS-preflight fetch".
fn judge(reply: &Reply, origin: &str) -> Finding {
    let status = reply.status.as_u16();
    if !reply.status.is_success() {
        return Finding::problem(
            "preflight",
            format!("the service answers the preflight with {status}: the page's own calls fail"),
            "answer `OPTIONS` before redirects, logins and routing: with tower-http, a `CorsLayer` outside of everything",
        );
    }
    let allowed_origin = reply.header(header::ACCESS_CONTROL_ALLOW_ORIGIN).trim();
    if allowed_origin != "*" && allowed_origin != origin {
        let found = if allowed_origin.is_empty() { "no origin" } else { allowed_origin };
        return Finding::problem(
            "preflight",
            format!("the service allows {found}, not {origin}: the page's own calls fail"),
            "allow the page's origin (`Access-Control-Allow-Origin`)",
        );
    }
    let allowed = allowed_headers(reply);
    let is_any = allowed.iter().any(|name| name == "*");
    let missing: Vec<_> =
        ASKED.into_iter().filter(|name| !is_any && !allowed.iter().any(|allowed| allowed == name)).collect();
    if !missing.is_empty() {
        return Finding::problem(
            "preflight",
            format!("the service does not allow {}: the page's own calls fail", missing.join(" and ")),
            "allow `highlight::propagation::cors_headers()` (`Access-Control-Allow-Headers`)",
        );
    }
    if is_any || allowed_origin == "*" {
        return Finding::warning(
            "preflight",
            "the service allows the headers, but by `*`: not for calls that send cookies",
            "if the page's calls do (`credentials: \"include\"`), name the origin and the headers, and allow credentials",
        );
    }
    Finding::ok("preflight", format!("the service lets {origin} send {}", ASKED.join(" and ")))
}

/// Names in lower case. There may be several such headers, each a list.
fn allowed_headers(reply: &Reply) -> Vec<String> {
    let lists = reply.headers.get_all(header::ACCESS_CONTROL_ALLOW_HEADERS);
    let names = lists.iter().filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::{HeaderName, StatusCode};

    use super::*;
    use crate::diagnosis::Verdict;

    const ORIGIN: &str = "https://shop.example";

    fn judged(status: u16, headers: &[(HeaderName, &'static str)]) -> Finding {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        let reply = Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            head: String::new(),
            at: SystemTime::now(),
            took: Duration::ZERO,
        };
        judge(&reply, ORIGIN)
    }

    #[test]
    fn the_answer_is_judged_as_a_browser_does() {
        let origin = |value| (header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        let headers = |value| (header::ACCESS_CONTROL_ALLOW_HEADERS, value);
        let both = headers("X-Highlight-Request, content-type,traceparent");
        let table = [
            (204, vec![origin(ORIGIN), both.clone()], Verdict::Ok, ""),
            (
                200,
                vec![origin(ORIGIN), headers("traceparent"), headers("x-highlight-request")],
                Verdict::Ok,
                "",
            ),
            (200, vec![origin("*"), both.clone()], Verdict::Warning, "cookies"),
            (200, vec![origin(ORIGIN), headers("*")], Verdict::Warning, "cookies"),
            (
                200,
                vec![origin(ORIGIN), headers("x-highlight-request")],
                Verdict::Problem,
                "allow traceparent:",
            ),
            (
                200,
                vec![origin(ORIGIN), headers("traceparent")],
                Verdict::Problem,
                "allow x-highlight-request:",
            ),
            (200, vec![origin(ORIGIN)], Verdict::Problem, "traceparent and x-highlight-request"),
            (200, vec![origin("https://shop.example/"), both.clone()], Verdict::Problem, "not https://shop"),
            (
                200,
                vec![origin("https://other.example"), both.clone()],
                Verdict::Problem,
                "https://other.example",
            ),
            (200, vec![both.clone()], Verdict::Problem, "no origin"),
            (405, vec![origin(ORIGIN), both.clone()], Verdict::Problem, "405"),
            (307, vec![origin(ORIGIN), both], Verdict::Problem, "307"),
        ];
        for (status, headers, verdict, words) in table {
            let finding = judged(status, &headers);
            assert_eq!(finding.verdict(), verdict, "{finding}");
            assert!(finding.message().contains(words), "{finding}");
        }
    }

    #[test]
    fn what_is_no_url_and_no_origin_is_said_without_asking() {
        for (service, origin, words) in [
            ("orders", ORIGIN, "not given as a URL"),
            ("ftp://host/x", ORIGIN, "not given as a URL"),
            ("http://localhost:1/x", "https://shop.example/", "origin is not one"),
            ("http://localhost:1/x", "shop.example", "origin is not one"),
            ("http://localhost:1/x", "https://Shop.example", "origin is not one"),
        ] {
            let finding = check(service, origin, Duration::from_secs(60));
            assert_eq!(finding.verdict(), Verdict::Problem);
            assert!(finding.message().contains(words), "{finding}");
        }
        let same = check("http://localhost:1/orders?page=2", "http://localhost:1", Duration::from_secs(60));
        assert_eq!(same.verdict(), Verdict::Ok, "{same}");
    }
}
