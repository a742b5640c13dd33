//! A headless Chromium, driven by its `DevTools` protocol.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use example_support::HANG;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

pub(crate) struct Chromium {
    process: Child,
    socket: WebSocket<TcpStream>,
    last_id: u64,
    page: String,
    _profile: Profile,
}

/// A directory that goes with the browser.
struct Profile(PathBuf);

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Chromium {
    /// `None`, and a line that says so, where there is none.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let Some(program) = find() else {
            eprintln!("skipped: there is no chromium on PATH (apt-get install chromium)");
            return None;
        };
        let profile = Profile(env::temp_dir().join(format!("shop-browser-{name}-{}", std::process::id())));
        let mut process = Command::new(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"])
            // Otherwise the browser client takes it for a robot, and records nothing.
            .arg("--disable-blink-features=AutomationControlled")
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned())).unwrap();
        // The rest must be read, too, or it could not write.
        thread::spawn(move || lines.for_each(drop));
        let host = address.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        let (socket, _) = tungstenite::client(&address, stream).unwrap();
        let mut browser = Self { process, socket, last_id: 0, page: String::new(), _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &attach);
        browser.page.push_str(attached["sessionId"].as_str().unwrap());
        browser.call("Page.enable", &json!({}));
        browser.look(1280, 800, "light");
        Some(browser)
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !self.page.is_empty() {
            message["sessionId"] = self.page.as_str().into();
        }
        self.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].clone();
            }
        }
    }

    /// The size of the window, and `light` or `dark`.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    pub(crate) fn open(&mut self, address: &str) {
        self.call("Page.navigate", &json!({ "url": address }));
        self.wait_for(&format!("document.readyState === 'complete' && location.href === {}", json!(address)));
    }

    /// What an expression is worth, once it is settled.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let evaluate = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", &evaluate);
        assert_eq!(
            answer["exceptionDetails"],
            Value::Null,
            "{}",
            expression.chars().take(200).collect::<String>()
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let begun = Instant::now();
        loop {
            // While a page is being left there is none to ask.
            let evaluate = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
            if self.call("Runtime.evaluate", &evaluate)["result"]["value"] == true {
                return;
            }
            if begun.elapsed() > HANG {
                let page = self.value("document.body.innerText");
                panic!("it stays false: {expression}; the page: {page}");
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Clicks on the first element of this kind with this text, when there is one; follows links.
    pub(crate) fn click(&mut self, selector: &str, text: &str) {
        let find = format!(
            "[...document.querySelectorAll({})].find((element) => element.textContent.includes({}))",
            json!(selector),
            json!(text)
        );
        self.wait_for(&format!("!!{find}"));
        self.value(&format!("{find}.click()"));
    }

    /// Waits until the page says this.
    pub(crate) fn see(&mut self, selector: &str, text: &str) {
        self.wait_for(&format!(
            "[...document.querySelectorAll({})].some((element) => element.textContent.includes({}))",
            json!(selector),
            json!(text)
        ));
    }

    /// Writes a picture, if `SCREENSHOTS` names a directory for them.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(directory) = env::var_os("SCREENSHOTS") else { return };
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::write(Path::new(&directory).join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| directories.iter().map(|at| at.join(name)).find(|program| program.is_file()))
}
