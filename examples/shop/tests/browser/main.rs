//! A person in a real browser: clicks in the shop, and looks at what came of it.
//!
//! With `SCREENSHOTS=docs/screenshots` the pictures in the README are made anew.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test's panic is its verdict")]

mod chromium;

use std::{env, fs, path::Path, process::Command};

use chromium::Chromium;
use example_support::{Service, command};
use highlight_local::{
    Receiver,
    api::Server,
    archive::{Archive, SessionQuery},
    replay::{RecordingLimits, Recordings},
    viewer::{Sources, Viewer},
};

/// The shop, and what shows what it does.
struct Stage {
    shop: Service,
    viewer: Server,
    receiver: Receiver,
    archive: Archive,
}

impl Stage {
    fn set() -> Self {
        let archive = Archive::in_memory();
        let recordings =
            Recordings::with_sink(RecordingLimits::default(), archive.recording_writer().unwrap());
        let receiver = Receiver::builder().address(0).recordings(recordings).start().unwrap();
        let archive = archive.start(&receiver.store()).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let pages = Viewer::new(&archive).sources(Sources::below([root]));
        let viewer = pages.start(0).unwrap();
        let shop = Service::start(
            command(env!("CARGO_BIN_EXE_shop"))
                .arg("--serve")
                .env("PORT", "0")
                .env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint()),
        )
        .unwrap();
        Self { shop, viewer, receiver, archive }
    }

    fn shop(&self) -> String {
        format!("http://{}/", self.shop.address())
    }

    fn viewer(&self, path: &str) -> String {
        format!("http://{}{path}", self.viewer.address())
    }
}

#[test]
fn from_a_click_to_the_line_of_the_source() {
    let Some(mut browser) = Chromium::start("click") else { return };
    let stage = Stage::set();
    browser.open(&stage.shop());
    let session = browser.value("sessionStorage.session");
    let session = session.as_str().unwrap();
    for (button, answer) in [
        ("Look around", "GET /api/products: 200"),
        ("Buy", "POST /api/checkout: 200"),
        ("Watch", "GET /api/stream: 200"),
        ("Look for a rarity", "GET /api/missing/42: 404"),
    ] {
        browser.click("button", button);
        browser.see("output", answer);
    }

    // Another sender, whose record the server would not keep as it is.
    let logs = format!("{}/v1/logs", stage.receiver.endpoint());
    browser.value(&format!(
        "fetch('{logs}', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }}, body: JSON.stringify({{ resourceLogs: [{{
             resource: {{ attributes: [{{ key: 'service.name', value: {{ stringValue: 'mailer' }} }},
                 {{ key: 'highlight.project_id', value: {{ stringValue: '1' }} }}] }},
             scopeLogs: [{{ logRecords: [{{ timeUnixNano: String(Date.now()) + '000000', severityText: 'INFO',
                 body: {{ stringValue: 'mail to <ada@example.com> is sent' }},
                 attributes: [{{ key: 'urgent', value: {{ boolValue: true }} }}] }}] }}] }}] }}) }}).then((answer) => answer.status)"
    ));

    // The page is open before the error happens: it comes by itself.
    browser.open(&stage.viewer("/"));
    browser.see("#rows th", session);
    browser.picture("sessions");
    stage.shop.get("/api/fail", &format!("x-highlight-request: {session}/order12345\r\n")).unwrap();
    browser.see("#rows .count.bad", "1");

    browser.click("#rows th a", session);
    browser.see(".timeline .what", "/api/checkout");
    browser.see(".timeline .count.bad", "1 error");
    browser.click(".timeline summary", "/api/fail");
    browser.picture("session");
    browser.look(390, 780, "dark");
    browser.picture("session-390");
    browser.look(1280, 800, "light");

    browser.click(".timeline > li > details > summary", "/api/checkout");
    let open_trace = "[...document.querySelectorAll('.timeline > li')].find((item) => item.textContent.includes('/api/checkout')).querySelector('a.primary').click()";
    browser.value(open_trace);
    browser.see(".spans .service", "storefront");
    browser.see(".spans .service", "payments");
    browser.see("#trace-logs .message", "order placed");
    browser.click(".spans a", "authorize card");
    browser.see("#panel.open #detail h2", "authorize card");
    browser.picture("trace");
    browser.look(1280, 800, "dark");
    browser.picture("trace-dark");
    browser.look(1280, 800, "light");

    browser.open(&stage.viewer("/logs"));
    browser.see("#rows .message", "order placed");
    browser.picture("logs");
    browser.open(&stage.viewer("/errors"));
    browser.see(".groups b", "the order was not placed");
    browser.picture("errors");
    browser.click(".groups a", "the order was not placed");
    browser.see(".source mark", "place_order()?;");
    browser.see(".chain", "the card gateway does not answer");
    browser.look(1280, 900, "dark");
    browser.picture("error-dark");

    // What a server would have dropped of it.
    browser.open(&stage.viewer("/dropped"));
    browser.see("main", "urgent");
    browser.look(1280, 800, "light");
    browser.picture("dropped");

    // The keyboard: to the metrics, and help.
    browser
        .value("for (const key of ['g', 'm']) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))");
    browser.wait_for("location.pathname === '/metrics' && document.readyState === 'complete'");
    browser.look(1280, 800, "light");
    browser.see("main", "http.server.request.duration");
    browser.picture("metrics");
    browser.value("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }))");
    browser.wait_for("document.querySelector('#help').open");
}

/// The published client, where `npm` has it.
fn client() -> Option<String> {
    let folder = env::temp_dir().join("highlight-run-10.7.5");
    let script = folder.join("node_modules/highlight.run/dist/index.umd.js");
    if !script.is_file() {
        fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&folder);
        let installed = npm.arg("highlight.run@10.7.5").output();
        if !installed.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: npm cannot install highlight.run@10.7.5");
            return None;
        }
    }
    Some(fs::read_to_string(script).unwrap())
}

#[test]
fn the_published_clients_session_is_shown_and_played() {
    let Some(mut browser) = Chromium::start("client") else { return };
    let Some(client) = client() else { return };
    let stage = Stage::set();
    browser.open(&stage.shop());
    browser.value(&format!("{client}; true"));
    let endpoint = stage.receiver.endpoint();
    browser.value(&format!(
        "H.H && (window.H = H.H); H.init('1', {{ serviceName: 'page', backendUrl: '{endpoint}/public', otlpEndpoint: '{endpoint}',
         tracingOrigins: true, networkRecording: {{ enabled: true }} }}); H.identify('ann@example.com'); true"
    ));
    // It is ready when it puts its session on the page's calls.
    browser
        .wait_for("fetch('/api/products').then(() => performance.getEntriesByType('resource').length > 0)");
    let archive = stage.viewer("/");
    browser.click("button", "Buy");
    browser.see("output", "POST /api/checkout: 200");
    browser.click("button", "Order");
    browser.see("output", "GET /api/fail: 500");

    let shop = browser.value("location.href");
    // The client sends every few seconds, and what is left when the page is left.
    let reader = stage.archive.reader();
    let begun = std::time::Instant::now();
    let session = loop {
        let sessions = reader.sessions(&SessionQuery::default()).unwrap().items;
        let found = sessions.into_iter().find(|session| session.errors > 0);
        if let Some(session) = found {
            let recording = reader.recording(&session.id).unwrap();
            // The end of the recording is behind the last click.
            if recording.is_some_and(|recording| recording.events > 5) {
                break session;
            }
        }
        assert!(begun.elapsed() < example_support::HANG, "{shop}: no session that is recorded");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };

    browser.open(&archive);
    browser.see("#rows th", "ann@example.com");
    browser.click("#rows th a", &session.id);
    browser.wait_for("document.querySelector('#replay')?.contentDocument?.body?.dataset.played > 5");
    let player = "document.querySelector('#replay').contentDocument";
    browser.wait_for(&format!(
        "{player}.querySelector('.replayer-wrapper iframe')?.contentDocument?.body?.textContent.includes('Look around')"
    ));
    let sandbox =
        browser.value(&format!("{player}.querySelector('.replayer-wrapper iframe').getAttribute('sandbox')"));
    assert_eq!(sandbox, "allow-same-origin", "what was recorded runs no script");
    browser.look(1280, 1000, "light");
    browser.click(".timeline > li > details > summary", "/api/checkout");
    // At its beginning, where the recording has begun after the request.
    browser.wait_for(&format!("{player}.body.dataset.at >= 0"));
    browser.picture("replay");
}
