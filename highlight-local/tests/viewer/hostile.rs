//! Telemetry that would like to be more than text.

use std::fs;

use super::*;

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</pre></title></textarea><svg onload=alert(1)>",
    "javascript:alert(1)//",
    "&lt;b&gt; &amp; <!-- --> ]]>",
    "\u{1}\u{1b}[31m\u{7f}\u{202e}\t\nx",
    "../../..//?a=b&c#d%2e%2e",
];

/// Every place of a page that a script, a style or a frame could come from is the program's own.
fn assert_harmless(path: &str, page: &Html) {
    for script in all(page, "script") {
        assert!(
            script.attr("src").is_some_and(|src| src.starts_with("/assets/")),
            "{path}: {}",
            script.html()
        );
        assert_eq!(text_of(script), "", "{path}");
    }
    assert!(all(page, "style, object, embed, base, img, template, meta[http-equiv]").is_empty(), "{path}");
    for element in all(page, "*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "srcdoc", "{path}: {name}={value}");
            if ["href", "src", "action"].contains(&name) {
                let is_ours = value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                assert!(is_ours, "{path}: {name}={value}");
                assert!(!value.contains("/../") && !value.ends_with("/.."), "{path}: {name}={value}");
            }
        }
    }
}

/// All pages that link to each other, from the tabs on.
fn every_page(shown: &Shown) -> Vec<(String, Html)> {
    let mut open: Vec<String> =
        ["/", "/requests", "/logs", "/errors", "/metrics", "/dropped"].map(str::to_owned).to_vec();
    let mut seen: Vec<(String, Html)> = Vec::new();
    while let Some(path) = open.pop() {
        if path.starts_with("/errors/of/")
            || path.starts_with("/assets/")
            || seen.iter().any(|(known, _)| *known == path)
        {
            continue;
        }
        let page = shown.page(&path);
        let links = all(&page, "a[href]").into_iter().filter_map(|link| link.attr("href"));
        open.extend(links.filter(|link| link.starts_with('/')).map(str::to_owned));
        seen.push((path, page));
    }
    seen
}

#[test]
fn all_of_it_stays_text_on_every_page() {
    for text_in in HOSTILE {
        let shown = Shown::new();
        let shop = resource(text_in, text_in, text_in);
        let attributes = [
            text("http.request.method", text_in),
            text("http.route", text_in),
            text("http.response.status_code", text_in),
            text("user.email", text_in),
            text(&format!("k{}", text_in.trim()), text_in),
            attribute("flag", boolean(true)),
        ];
        let failed = span_with(text_in, &attributes).message(15, &status(2, text_in));
        shown.send("/v1/traces", &shop, &[failed.message(11, &event(text_in, &attributes))]);
        let error_attributes =
            [text("exception.type", text_in), text("URL", text_in), text("exception.causes.0", text_in)];
        let stack = format!("\n{text_in}\n\t{text_in}:1\nf\n\ta.rs:1\n");
        let mut error_attributes = error_attributes.to_vec();
        error_attributes.extend([text("exception.message", text_in), text("exception.stacktrace", &stack)]);
        shown.send(
            "/v1/logs",
            &shop,
            &[log_at("WARN", text_in, &attributes), log_at("ERROR", text_in, &error_attributes)],
        );
        shown.send("/v1/metrics", &shop, &[gauge(text_in, &[number(1.0, &[text("k", text_in)])])]);

        let pages = every_page(&shown);
        assert!(pages.len() > 8, "{text_in:?}: {:?}", pages.iter().map(|(path, _)| path).collect::<Vec<_>>());
        for (path, page) in &pages {
            assert_harmless(path, page);
        }
        // And it is there to be read.
        let logs = texts(&shown.page("/logs"), "#rows .message").concat();
        assert!(logs.contains("alert(1)") || !text_in.contains("alert(1)"), "{logs:?}");
    }
}

#[test]
fn searches_are_text_too() {
    let shown = Shown::new();
    for path in [
        "/logs?text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/?text=%3Cscript%3E",
        "/errors?session=%22%20onfocus%3D%22x",
        "/dropped?code=%3Cscript%3E",
        "/requests?text=%27%3E",
    ] {
        assert_harmless(path, &shown.page(path));
    }
    let page = shown.page("/logs?text=%22%3E%3Cb%3E");
    assert_eq!(all(&page, "#search")[0].attr("value"), Some("\"><b>"));
}

#[test]
fn browsers_are_told_to_run_nothing_else() {
    let shown = Shown::new();
    for path in ["/", "/logs", "/nothing/here", "/assets/viewer.js", "/replay/x"] {
        let answer = shown.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{path}: {policy}");
        assert!(!policy.contains("unsafe-eval"), "{path}");
        assert_eq!(
            policy.contains("'unsafe-inline'"),
            path.starts_with("/replay"),
            "styles of what is replayed"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    for host in ["evil.example", "localhost.evil.example:4319"] {
        for path in ["/", "/events", "/api/logs", "/replay/x", "/assets/viewer.js"] {
            assert_eq!(client::get(shown.server.address(), host, path).status, 403, "{host} {path}");
        }
    }
}

#[test]
fn no_frame_reads_another_file() {
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(outside.path().join("secret.rs"), "SECRET\n").unwrap();
    fs::write(root.join("secret.txt"), "SECRET\n").unwrap();
    fs::write(root.join("fine.rs"), "FINE\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path().join("secret.rs"), root.join("link.rs")).unwrap();
    let shown = Shown::with(Sources::below([&root]));
    let absolute = outside.path().join("secret.rs").display().to_string();
    let files = [
        "../secret.rs",
        "../../../../etc/passwd",
        "/etc/passwd",
        &absolute,
        "link.rs",
        "secret.txt",
        "fine.rs",
    ];
    for (number, file) in files.into_iter().enumerate() {
        let error = error(&format!("error {number}"), file, 1);
        shown.send("/v1/logs", &resource("shop", "s", &format!("r{number}")), &[error]);
    }
    let mut sources = Vec::new();
    for error in shown.reader().errors(&ErrorQuery::default()).unwrap().items {
        let page = shown.page(&format!("/errors/{}?error={}", error.group, error.id));
        assert!(!text_of(page.root_element()).contains("SECRET"));
        sources.extend(texts(&page, ".source"));
    }
    assert_eq!(sources, ["1FINE\n"], "the one that may be read is");
}
