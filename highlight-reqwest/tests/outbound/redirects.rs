//! Redirects: followed as reqwest follows them, and our headers lost on the way to strangers.

use std::{sync::Arc, time::Duration};

use axum::http::Extensions;
use highlight_local::model::Span;
use highlight_reqwest::HighlightClientMiddleware;
use reqwest::{
    Body, Method, Request, RequestBuilder, Response,
    header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};

use crate::support::{NOT_TOLD, Server, TOLD, Telemetry, Told, builder, middleware};

/// A path that redirects to each of `hosts` in turn, with `status`.
fn chain(server: &Server, status: u16, hosts: &[&str]) -> String {
    hosts.iter().rev().fold("/end".to_owned(), |path, host| format!("/{status}?{}", server.url(host, &path)))
}

fn lines(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| &*told.line).collect()
}

#[tokio::test]
async fn headers_are_lost_on_the_way_to_a_stranger_and_stay_lost() {
    for (hosts, told) in [
        (&["payments"][..], &[TOLD, TOLD][..]),
        (&["payments", "partner.example"], &[TOLD, TOLD, TOLD]),
        (&["evil.example"], &[TOLD, NOT_TOLD]),
        (&["payments", "evil.example"], &[TOLD, TOLD, NOT_TOLD]),
        (&["evil.example", "payments"], &[TOLD, NOT_TOLD, NOT_TOLD]),
        (&["localhost@evil.example"], &[TOLD, NOT_TOLD]),
        (&["evil-partner.example"], &[TOLD, NOT_TOLD]),
    ] {
        let (telemetry, server) = (Telemetry::new(), Server::start().await);
        let highlight = middleware();
        let url = server.url("shop", &chain(&server, 302, hosts));
        let response = telemetry.in_request(highlight.send(highlight.http().get(url))).await.unwrap();
        assert_eq!(response.status(), 200, "{hosts:?}");
        assert_eq!(response.url().path(), "/end", "{hosts:?}");
        assert_eq!(response.text().await.unwrap(), "answer");
        let arrived = server.told();
        assert_eq!(arrived.iter().map(Told::ours).collect::<Vec<_>>(), told, "{hosts:?}");
    }
}

#[tokio::test]
async fn the_step_to_a_stranger_is_a_span_of_its_own() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let http = highlight_reqwest::client(builder()).unwrap();
    let url = server.url("shop", &chain(&server, 302, &["evil.example"]));
    telemetry.in_request(http.get(&url).send()).await.unwrap();
    let spans = telemetry.spans().await;
    let shown: Vec<_> = spans
        .iter()
        .map(|span| {
            let attribute = |key| span.attributes.get(key).map_or("-", |value| &**value);
            [
                span.status_code,
                attribute("server.address"),
                attribute("http.response.status_code"),
                attribute("http.request.resend_count"),
            ]
        })
        .collect();
    assert_eq!(shown, [["Unset", "shop", "302", "-"], ["Unset", "evil.example", "200", "1"]]);
    assert_eq!(spans[0].parent_span_id, spans[1].parent_span_id);
}

/// What does not depend on who asked.
fn comparable(told: &[Told]) -> Vec<(&str, &str, Vec<String>)> {
    let ours = ["x-highlight-request", "traceparent", "tracestate", "referer"];
    told.iter()
        .map(|told| {
            let headers = told.headers.iter().filter(|(name, _)| !ours.contains(&name.as_str()));
            let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
            headers.sort();
            (&*told.line, &*told.body, headers)
        })
        .collect()
}

#[tokio::test]
async fn everything_else_is_as_reqwest_does_it() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let plain = builder().build().unwrap();
    for status in [301, 302, 303, 307, 308] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE] {
            for streamed in [false, true] {
                for hosts in [&["evil.example"][..], &["payments", "evil.example"]] {
                    let url = server.url("shop", &chain(&server, status, hosts));
                    let request = |http: &reqwest::Client| -> RequestBuilder {
                        let body = if streamed { Body::wrap("body".to_owned()) } else { "body".into() };
                        http.request(method.clone(), &url)
                            .bearer_auth("secret")
                            .header("cookie", "a=b")
                            .header("content-type", "text/plain")
                            .header("x-own", "stays")
                            .body(body)
                    };
                    let expected = request(&plain).send().await.unwrap();
                    let expected_told = server.told();
                    let found =
                        telemetry.in_request(highlight.send(request(highlight.http()))).await.unwrap();
                    let found_told = server.told();
                    let case = format!("{method} {status} {hosts:?} streamed: {streamed}");
                    assert_eq!(found.status(), expected.status(), "{case}");
                    assert_eq!(found.url(), expected.url(), "{case}");
                    assert_eq!(comparable(&found_told), comparable(&expected_told), "{case}");
                    assert_eq!(found_told[0].ours(), TOLD, "{case}");
                    let strangers = found_told.iter().filter(|told| told.line.contains("evil"));
                    strangers.for_each(|told| assert_eq!(told.ours(), NOT_TOLD, "{case}"));
                }
            }
        }
    }
}

/// The client would add them to the request that goes on.
#[tokio::test]
async fn credentials_of_the_client_itself_are_told_to_no_stranger() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    for name in [AUTHORIZATION, COOKIE] {
        let defaults = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("secret"))]);
        let highlight = HighlightClientMiddleware::new(builder().default_headers(defaults)).unwrap();
        let url = server.url("shop", &chain(&server, 302, &["evil.example"]));
        let answer = telemetry.in_request(highlight.send(highlight.http().get(&url))).await.unwrap();
        assert_eq!(answer.status(), 302, "{name}");
        let told = server.told();
        assert_eq!(told.len(), 1, "{name}: only the allowed host is asked");
        assert!(told[0].headers.contains_key(&name) && told[0].ours() == TOLD, "{name}");
    }
}

#[tokio::test]
async fn a_chain_ends_after_ten_redirects_wherever_it_leads() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let plain = builder().build().unwrap();
    for hosts in [&[][..], &["evil.example"], &["payments", "evil.example", "payments"]] {
        let endless = chain(&server, 302, hosts).replace("/end", "/loop");
        let url = server.url("shop", &endless);
        let expected = plain.get(&url).send().await.unwrap_err();
        let expected_told = server.told();
        let error = telemetry.in_request(highlight.send(highlight.http().get(&url))).await.unwrap_err();
        assert!(expected.is_redirect() && error.is_redirect(), "{error:?}");
        assert_eq!(lines(&server.told()), lines(&expected_told), "{hosts:?}");
    }
    let spans = telemetry.spans().await;
    assert!(spans.iter().any(|span| span.attributes.get("error.type").is_some_and(|it| it == "redirect")));
}

#[tokio::test]
async fn the_callers_own_headers_are_the_callers_affair() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let url = server.url("shop", &chain(&server, 302, &["evil.example"]));
    let request = highlight.http().get(url).header("x-highlight-request", "mine/alone");
    telemetry.in_request(highlight.send(request)).await.unwrap();
    let told = server.told();
    // The traceparent is ours, and does not go there.
    assert_eq!(told[0].ours(), (Some("mine/alone"), true));
    assert_eq!(told[1].ours(), (Some("mine/alone"), false));
}

#[tokio::test]
async fn a_policy_of_the_programs_own_has_the_first_word() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let policy = |ours: Policy| {
        Policy::custom(move |attempt| match attempt.url().host_str() {
            Some("forbidden.example") => attempt.stop(),
            _ => ours.redirect(attempt),
        })
    };
    let highlight = HighlightClientMiddleware::with_redirect_policy(builder(), policy).unwrap();
    for (host, status, expected) in [
        ("forbidden.example", 302, &["GET shop/302"][..]),
        ("evil.example", 200, &["GET shop/302", "GET evil.example/end"]),
    ] {
        let url = server.url("shop", &chain(&server, 302, &[host]));
        let response = telemetry.in_request(highlight.send(highlight.http().get(url))).await.unwrap();
        assert_eq!(response.status(), status, "{host}");
        assert_eq!(lines(&server.told()), expected, "{host}");
    }
}

/// A middleware further in, which changes each request that it sees.
struct Signs;

#[async_trait::async_trait]
impl Middleware for Signs {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        request.headers_mut().insert("authorization", "Bearer secret".parse().unwrap());
        request.url_mut().set_path("/signed");
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn middleware_further_in_signs_nothing_for_strangers() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let http = ClientBuilder::new(highlight.http().clone()).with(highlight).with(Signs).build();
    let url = server.url("shop", &format!("/redirects?{}", server.url("evil.example", "/end")));
    let response = telemetry.in_request(http.get(url).send()).await.unwrap();
    assert_eq!(response.status(), 200);
    let told = server.told();
    assert_eq!(lines(&told), ["GET shop/signed", "GET evil.example/end"]);
    assert_eq!((told[0].ours(), told[1].ours()), (TOLD, NOT_TOLD));
    let is_signed = |told: &Told| told.headers.contains_key("authorization");
    assert_eq!((is_signed(&told[0]), is_signed(&told[1])), (true, false));
}

#[tokio::test]
async fn a_request_made_by_hand_loses_the_headers_too() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let path = chain(&server, 302, &["payments", "evil.example"]) + "#fragment";
    let url = server.url("user:secret@shop", &path).parse().unwrap();
    let response = telemetry.in_request(highlight.execute(Request::new(Method::GET, url))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(server.told().iter().map(Told::ours).collect::<Vec<_>>(), [TOLD, TOLD, NOT_TOLD]);
}

#[tokio::test]
async fn a_retried_call_is_redirected_again_and_counts_every_request() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let at_once = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(1))
        .build_with_max_retries(1);
    let retry = RetryTransientMiddleware::new_with_policy(at_once);
    let http = ClientBuilder::new(highlight.http().clone()).with(retry).with(highlight).build();
    let url = server.url("shop", &format!("/302?{}", server.url("evil.example", "/503")));
    let response = telemetry.in_request(http.get(url).send()).await.unwrap();
    assert_eq!(response.status(), 503);
    let told: Vec<_> = server.told().iter().map(|told| told.ours() == TOLD).collect();
    assert_eq!(told, [true, false, true, false]);
    drop(response);
    let spans = telemetry.spans().await;
    let count = |span: &Arc<Span>| span.attributes.get("http.request.resend_count").cloned();
    let counts: Vec<_> = spans.iter().map(|span| count(span).unwrap_or_default()).collect();
    assert_eq!(counts, ["", "1", "2", "3"]);
}

#[tokio::test]
async fn without_telemetry_redirects_are_followed_as_ever() {
    let server = Server::start().await;
    let highlight = middleware();
    let url = server.url("shop", &chain(&server, 302, &["evil.example"]));
    assert_eq!(highlight.send(highlight.http().get(url)).await.unwrap().status(), 200);
    assert_eq!(lines(&server.told()), ["GET shop/302", "GET evil.example/end"]);
}
