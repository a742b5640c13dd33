//! Under which name a request may ask.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Refuses requests to names that anyone could have pointed here (DNS rebinding).
pub(crate) async fn check(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if host.is_some_and(is_ours) {
        next.run(request).await
    } else {
        let text = "ask for this machine's address or for localhost, so that no web page can pose as it\n";
        (StatusCode::FORBIDDEN, text).into_response()
    }
}

fn is_ours(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') && (!name.contains(':') || name.ends_with(']')) => {
            (name, port)
        }
        _ => (host, ""),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_local =
        name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    port.bytes().all(|byte| byte.is_ascii_digit()) && (is_local || address.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_and_localhost_only() {
        for (host, ours) in [
            ("localhost:4319", true),
            ("LOCALHOST", true),
            ("shop.localhost:80", true),
            ("127.0.0.1:4319", true),
            ("192.168.1.7", true),
            ("[::1]:4319", true),
            ("[::1]", true),
            ("evil.example:4319", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("evil.example#localhost", false),
            ("", false),
        ] {
            assert_eq!(super::is_ours(host), ours, "{host}");
        }
    }
}
