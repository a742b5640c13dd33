//! `highlight-local doctor`, as a process.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::Command,
    thread,
};

use serde_json::Value;
use support::receiver;

/// Exit code and output of the doctor in an empty environment.
fn doctor(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(arguments, variables).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highlight-local"));
    for (name, _) in std::env::vars() {
        if name.starts_with("HIGHLIGHT_")
            || name.starts_with("OTEL_")
            || name.to_lowercase().contains("proxy")
        {
            command.env_remove(name);
        }
    }
    command.arg("doctor").args(arguments).envs(variables.iter().copied());
    command
}

/// An HTTP server that answers everything alike.
fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = write!(stream, "HTTP/1.1 {answer}connection: close\r\n\r\n");
        }
    });
    format!("http://{address}")
}

#[test]
fn a_receiver_is_fine_with_exit_code_0() {
    let receiver = receiver();
    let (code, text) = doctor(&[&receiver.endpoint(), "--project", "1jdkoe52"], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("0 problems, 0 warnings\n"), "{text}");
    assert!(text.contains("/v1/traces, /v1/logs, /v1/metrics accepted"), "{text}");
}

#[test]
fn the_environment_counts_as_for_a_service() {
    let receiver = receiver();
    let endpoint = receiver.endpoint();
    let variables =
        [("HIGHLIGHT_OTLP_ENDPOINT", endpoint.as_str()), ("HIGHLIGHT_OTLP_HEADERS", "x-token=hunter2")];
    let (code, text) = doctor(&[], &variables);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the environment names no project") && text.contains("--project ID"), "{text}");
    assert!(text.contains("HIGHLIGHT_OTLP_HEADERS=[hidden]") && !text.contains("hunter2"), "{text}");

    let (code, text) = doctor(&[], &[variables[0], ("HIGHLIGHT_PROJECT_ID", "asdf")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("accepted"), "the endpoint is asked all the same: {text}");
}

#[test]
fn a_problem_has_exit_code_1_and_its_remedy() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, text) = doctor(&[&format!("http://{free}")], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("problem  connection") && text.contains("-> start the receiver"), "{text}");

    let page = server("200 OK\r\ncontent-type: text/html\r\n");
    let (code, text) = doctor(&[&page], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("web page"), "{text}");
}

#[test]
fn a_proxy_of_the_environment_is_named_without_its_password() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = server("407 Proxy Authentication Required\r\n");
    let refusing = refusing.trim_start_matches("http://");
    for (proxy, found) in [
        (free.to_string().as_str(), "cannot be reached"),
        (refusing, "the proxy does not connect to http://highlight.invalid:4318"),
    ] {
        let url = format!("http://user:hunter2@{proxy}");
        let (code, text) = doctor(&["http://highlight.invalid:4318"], &[("HTTP_PROXY", url.as_str())]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(found) && text.contains(&format!("the proxy {proxy}")), "{text}");
        assert!(text.contains("NO_PROXY") && !text.contains("hunter2"), "{text}");
    }
    // What is on this machine is not asked for through one.
    let receiver = receiver();
    let (code, text) = doctor(&[&receiver.endpoint()], &[("HTTP_PROXY", &format!("http://{free}"))]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("proxy"), "{text}");
}

#[test]
fn wrong_options_have_exit_code_2() {
    for arguments in [
        &["--preflight", "http://localhost"][..],
        &["--origin", "http://localhost"],
        &["--nonsense"],
        &["one", "two"],
        &["--timeout", "soon"],
    ] {
        assert_eq!(command(arguments, &[]).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_service_is_asked_and_nobody_else() {
    let open = server(
        "204 No Content\r\naccess-control-allow-origin: http://shop.example\r\naccess-control-allow-headers: traceparent, X-Highlight-Request\r\n",
    );
    let closed = server("405 Method Not Allowed\r\n");
    for (service, code) in [(open, 0), (closed, 1)] {
        let (status, text) = doctor(&["--preflight", &service, "--origin", "http://shop.example"], &[]);
        assert_eq!(status, Some(code), "{text}");
        assert!(text.contains("preflight") && !text.contains("connection"), "{text}");
    }
}

#[test]
fn json_says_the_same() {
    let receiver = receiver();
    let (code, text) = doctor(&[&receiver.endpoint(), "--json"], &[]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(json["verdict"], "warning", "{json}");
    let project = json["findings"].as_array().unwrap().iter().find(|it| it["check"] == "project").unwrap();
    assert_eq!(project["verdict"], "warning");
    assert!(project["remedy"].as_str().unwrap().contains("--project"), "{json}");
    let answer = json["findings"].as_array().unwrap().iter().find(|it| it["check"] == "answer").unwrap();
    assert!(answer["remedy"].is_null(), "{json}");
}

#[test]
fn a_project_is_looked_at_without_building_it() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    // Packages of these names and versions, of which nothing comes from a registry.
    let package = |name: &str, version: &str, rest: &str| {
        let at = format!("{name}-{version}");
        write(&format!("{at}/src/lib.rs"), "");
        let text =
            format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n{rest}");
        write(&format!("{at}/Cargo.toml"), &text);
    };
    package("opentelemetry", "0.33.1", "");
    package("opentelemetry", "0.30.0", "");
    package("tracing", "0.1.44", "[features]\nmax_level_warn = []\n");
    package("highlight", "0.1.0", "[dependencies]\nopentelemetry = { path = \"../opentelemetry-0.33.1\" }\n");
    let dependencies = "[dependencies]\nhighlight = { path = \"../highlight-0.1.0\" }\n\
        opentelemetry = { path = \"../opentelemetry-0.30.0\" }\n\
        tracing = { path = \"../tracing-0.1.44\", features = [\"max_level_warn\"] }\n";
    package("app", "1.0.0", dependencies);
    let manifest = dir.path().join("app-1.0.0/Cargo.toml");
    let (code, text) = doctor(&["--manifest-path", manifest.to_str().unwrap()], &[]);
    assert_eq!(code, Some(1), "{text}");
    for found in [
        "ok       dependencies  highlight 0.1.0 (of app 1.0.0)",
        "opentelemetry 0.30.0 (of app 1.0.0) beside opentelemetry 0.33",
        "`max_level_warn`: all builds leave out what is below warn",
        "no line tables",
        "2 problems, 1 warning",
    ] {
        assert!(text.contains(found), "{found} in\n{text}");
    }
    assert!(!text.contains("connection"), "{text}");

    let (code, text) = doctor(&["--manifest-path", "/absent/Cargo.toml"], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cargo cannot read"), "{text}");
}
