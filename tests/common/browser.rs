//! A headless Chromium, told what to do over its debugging pipe (the Chrome `DevTools` protocol): two descriptors, and
//! JSON that ends with a zero byte.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::{Value, json};

use super::{PATIENCE, tools::Running};

/// A browser with one page.
pub struct Browser {
    requests: ChildStdin,
    answers: Receiver<Value>,
    session: Option<String>,
    last: u64,
    /// What the page complained of: errors, and what its policy refused.
    pub complaints: VecDeque<String>,
    _process: Running,
}

impl Browser {
    /// Starts the program with a profile of its own.
    pub fn start(program: &Path, profile: &Path) -> Self {
        // The pipe's descriptors are 3 and 4; the shell makes them of its own 0 and 1.
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
                      --no-first-run --remote-debugging-pipe --user-data-dir=\"$1\" about:blank 3<&0 4>&1 </dev/null >/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .args([program, profile])
            .env("HOME", profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a shell");
        let requests = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|count| count > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { return };
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let process = Running(child);
        let mut browser =
            Self { requests, answers, session: None, last: 0, complaints: VecDeque::new(), _process: process };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, &json!({}));
        }
        browser
    }

    /// Has it do something, and gives what comes of it.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut request = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = session.as_str().into();
        }
        let mut message = request.to_string().into_bytes();
        message.push(0);
        self.requests.write_all(&message).expect("the browser lives");
        loop {
            let mut answer = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            match answer["method"].as_str() {
                Some("Runtime.exceptionThrown" | "Log.entryAdded") => self.complaints.push_back(answer.to_string()),
                None if answer["id"] == self.last => {
                    assert!(answer.get("error").is_none(), "{method}: {answer}");
                    return answer["result"].take();
                }
                _ => {}
            }
        }
    }

    /// Value of an expression in the page; a promise is waited for.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// Shows a page at a size, by day or by night.
    pub fn open(&mut self, url: &str, (width, height): (u32, u32), scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &features);
        self.call("Page.navigate", &json!({ "url": url }));
    }

    /// Waits until an expression is true in the page.
    pub fn until(&mut self, condition: &str) {
        let expression = format!(
            "new Promise((done) => {{ const started = Date.now(); const look = () => ({condition}) ? done(true) \
             : Date.now() - started > {} ? done(false) : setTimeout(look, 50); look(); }})",
            PATIENCE.as_millis() / 2
        );
        if self.evaluate(&expression) != true {
            let page = self.evaluate("document.body && document.body.innerText");
            panic!("waited in vain for {condition}: {page}\n{:?}", self.complaints);
        }
    }

    /// What it looks like, as PNG in base64.
    pub fn screenshot(&mut self) -> String {
        let shot = self.call("Page.captureScreenshot", &json!({ "format": "png", "optimizeForSpeed": false }));
        shot["data"].as_str().expect("a picture").to_owned()
    }
}
