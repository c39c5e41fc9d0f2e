//! Notifications: what receivers get, whatever happens on the way, and that nobody gets anything unasked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{AS_OF, Nearset, agent, catalogue, free_port, text};

/// What a stand-in was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    headers: BTreeMap<String, String>,
    pub body: Value,
}

/// A status, headers and a body; no status is no answer.
pub type Reply = (u16, String, Value);

/// Somebody else's service, who answers as a test has it.
pub struct StandIn {
    pub base: String,
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

impl StandIn {
    pub fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (asked, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, over, answer) = (asked.clone(), is_over.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || serve_one(stream.ok()?, &log, &*answer));
            }
        });
        Self { base: format!("http://127.0.0.1:{port}"), port, asked, is_over }
    }

    /// What it was asked so far at paths that begin so.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let all = self.asked.lock().expect("a lock");
        all.iter().filter(|asked| asked.path.starts_with(path)).cloned().collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn serve_one(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Reply) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let asked = Asked { path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) };
    log.lock().ok()?.push(asked.clone());
    let (status, more, body) = answer(&asked);
    let body = body.to_string();
    if status > 0 {
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} x\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .ok()?;
    }
    Some(())
}

fn ok() -> Reply {
    (200, String::new(), json!({ "errcode": 0, "errmsg": "ok", "code": 0, "msg": "success" }))
}

/// A WeCom application that answers slowly, is busy, forgets tokens, has too many messages, and loses an answer; a text that
/// it has is not shown again where that is asked for, as WeCom has it.
#[derive(Default)]
struct Wecom {
    tokens: usize,
    sends: usize,
    shown: Vec<String>,
}

impl Wecom {
    fn answer(&mut self, asked: &Asked) -> Reply {
        let said = |code: i64, text: &str| (200, String::new(), json!({ "errcode": code, "errmsg": text }));
        if asked.path.starts_with("/cgi-bin/gettoken") {
            self.tokens += 1;
            let token = format!("token-number-{}", self.tokens);
            return (200, String::new(), json!({ "errcode": 0, "access_token": token, "expires_in": 7200 }));
        }
        self.sends += 1;
        if !asked.path.ends_with(&format!("=token%2Dnumber%2D{}", self.tokens)) {
            return said(40014, "invalid access_token");
        }
        match self.sends {
            3 | 22 => return (502, String::new(), Value::Null),
            5 | 17 => return said(-1, "system busy"),
            8 | 19 => {
                self.tokens += 1;
                return said(42001, "access_token expired");
            }
            11 => return (429, "retry-after: 1\r\n".to_owned(), Value::Null),
            14 => return said(45009, "api freq out of limit"),
            _ => {}
        }
        let content = asked.body["text"]["content"].as_str().expect("a text").to_owned();
        assert!(content.len() <= 2048, "{}", content.len());
        assert_eq!((&asked.body["agentid"], &asked.body["touser"]), (&json!(7), &json!("@all")));
        let is_checked = asked.body["enable_duplicate_check"] == 1;
        if !is_checked || !self.shown.contains(&content) {
            self.shown.push(content);
        }
        // taken, and its answer lost
        if self.sends == 2 { (0, String::new(), Value::Null) } else { said(0, "ok") }
    }
}

/// The gateway's process.
struct Gateway {
    child: Child,
    base: String,
    log: Arc<Mutex<String>>,
}

impl Gateway {
    fn of(n: &Nearset) -> Self {
        let mut command = n.command(&["notify", "serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the gateway starts");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines().map_while(Result::ok);
        let mut said = String::new();
        let base = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the gateway ended: {said}"));
            if let Some((_, base)) = line.split_once("notifications are taken at ") {
                break base.to_owned();
            }
            said += &line;
        };
        let log = Arc::new(Mutex::new(said));
        let rest = log.clone();
        std::thread::spawn(move || lines.for_each(|line| *rest.lock().expect("a lock") += &format!("{line}\n")));
        Self { child, base, log }
    }

    fn post(&self, path: &str, body: &str, token: &str) -> (u16, Value) {
        let request = agent().post(format!("{}{path}", self.base)).header("authorization", format!("Bearer {token}"));
        let mut response = request.send(body).expect("an answer");
        (response.status().as_u16(), response.body_mut().read_json().expect("JSON"))
    }

    fn get(&self, path: &str) -> String {
        let mut response = agent().get(format!("{}{path}", self.base)).call().expect("an answer");
        response.body_mut().read_to_string().expect("text")
    }

    fn kill(&mut self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", signal, &pid]).status().expect("kill").success());
        self.child.wait().expect("its end");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A nearset that looks at no disk and no server of this machine's, and has this `notify.toml`.
fn nearset(toml: &str) -> Nearset {
    let mut n = Nearset::empty();
    n.set("LISTEN", &format!("127.0.0.1:{}", free_port()));
    notify_toml(&n, toml);
    n
}

fn notify_toml(n: &Nearset, toml: &str) {
    fs::create_dir_all(n.data()).expect("a folder");
    fs::write(n.data().join("notify.toml"), format!("{toml}\n[events]\nDiskLow = \"off\"\n")).expect("a file");
}

fn wecom_toml(base: &str) -> String {
    format!(
        "[[receiver]]\nname = \"wecom\"\nkind = \"wecom_app\"\ncorp_id = \"ww1\"\ncorp_secret = \"hunter-two\"\n\
         agent_id = 7\nbase_url = \"{base}\"\n"
    )
}

fn webhook_toml(name: &str, base: &str) -> String {
    format!("[[receiver]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{base}/{name}\"\n")
}

fn alert(name: &str, status: &str) -> Value {
    json!({
        "status": status,
        "labels": { "alertname": name, "severity": "critical", "endpoint": "similar", "job": "nearset" },
        "annotations": { "summary": format!("{name} is wrong"), "description": "look at it" },
        "startsAt": "2026-11-27T12:00:00.123Z",
        "endsAt": if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-11-27T13:00:00Z" },
        "fingerprint": format!("print-{name}"),
    })
}

fn group(alerts: &[Value]) -> String {
    json!({ "version": "4", "groupKey": "{}", "status": "firing", "receiver": "x", "alerts": alerts }).to_string()
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(90), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many letters and notices wait.
fn waiting(n: &Nearset) -> u64 {
    let overview: Value = serde_json::from_str(&n.ok(&["notify", "list", "--json"])).expect("JSON");
    let waiting = overview["waiting"].as_array().expect("a list").iter();
    waiting.map(|one| one["letters"].as_u64().unwrap_or(1) + one["notices"].as_u64().unwrap_or(1)).sum()
}

#[test]
fn two_hundred_alerts_arrive_once_each_at_a_wecom_that_fails_in_every_way_and_through_two_kills() {
    let is_up = Arc::new(AtomicBool::new(false));
    let wecom = Arc::new(Mutex::new(Wecom::default()));
    let (up, state) = (is_up.clone(), wecom.clone());
    let stand_in = StandIn::new(move |asked| {
        if !up.load(Ordering::Relaxed) {
            return (503, String::new(), Value::Null);
        }
        std::thread::sleep(Duration::from_millis(30));
        state.lock().expect("a lock").answer(asked)
    });
    let mut n = nearset(&wecom_toml(&stand_in.base));
    n.set("OUTGOING_TIMEOUT_SECONDS", "2");
    let mut gateway = Gateway::of(&n);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let gateway = &gateway;
            scope.spawn(move || {
                for post in 0..10 {
                    let alerts: Vec<Value> =
                        (0..5).map(|i| alert(&format!("Alert{:03}", part * 50 + post * 5 + i), "firing")).collect();
                    let path = format!("/webhook/team-{:02}", part * 5 + post / 2);
                    // Alertmanager posts again what it believes not to have arrived
                    for _ in 0..2 {
                        assert_eq!(gateway.post(&path, &group(&alerts), ""), (200, json!({ "status": "success" })));
                    }
                }
            });
        }
    });
    gateway.kill("KILL");
    is_up.store(true, Ordering::Relaxed);
    let mut gateway = Gateway::of(&n);
    let shown = || wecom.lock().expect("a lock").shown.clone();
    until("some texts", || shown().len() >= 6);
    gateway.kill("KILL");
    let mut gateway = Gateway::of(&n);
    until("all alerts", || waiting(&n) == 0);
    gateway.kill("TERM");
    let all = shown().join("\n");
    for number in 0..200 {
        let told = all.matches(&format!("[告警] Alert{number:03} (严重)\n")).count();
        assert_eq!(told, 1, "Alert{number:03}");
    }
    assert!(all.contains("【nearset】team-07：10 条告警\n") && all.contains("接口：similar\n"), "{all}");
    let log = gateway.log.lock().expect("a lock").clone();
    assert!(wecom.lock().expect("a lock").tokens >= 4, "tokens run out");
    assert!(!log.contains("hunter-two") && !log.contains("token-number"), "{log}");
    let kept = n.data().join("operations/tokens/wecom.json");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(kept).expect("the token's file").permissions().mode() & 0o777, 0o600);
}

/// HMAC-SHA256 as its standard writes it, in hex.
fn hmac(key: &str, text: &str) -> Vec<u8> {
    let mut block = [0; 64];
    let hashed = Sha256::digest(key);
    let key = if key.len() > 64 { &hashed[..] } else { key.as_bytes() };
    block[..key.len()].copy_from_slice(key);
    let padded = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = Sha256::digest([padded(0x36), text.as_bytes().to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place <= three.len() { letter } else { '=' });
        }
    }
    text
}

/// A mail server that takes one letter after the other.
fn mail_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let letters = Arc::new(Mutex::new(Vec::new()));
    let kept = letters.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            stream.write_all(b"220 mail\r\n").ok();
            while let Some(line) = lines.next() {
                let answer = match line.split(' ').next().unwrap_or_default() {
                    "EHLO" => "250-mail\r\n250 8BITMIME\r\n",
                    "DATA" => {
                        stream.write_all(b"354 go on\r\n").ok();
                        let letter: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                        kept.lock().expect("a lock").push(letter.join("\n"));
                        "250 taken\r\n"
                    }
                    "QUIT" => "221 bye\r\n",
                    _ => "250 ok\r\n",
                };
                stream.write_all(answer.as_bytes()).ok();
            }
        }
    });
    (port, letters)
}

/// A firing alert, through the gateway to everybody.
fn tell_everybody(n: &Nearset) {
    let gateway = Gateway::of(n);
    let taken = gateway.post("/webhook/recommend-default", &group(&[alert("Slow", "firing")]), "");
    assert_eq!(taken, (200, json!({ "status": "success" })));
    until("all told", || waiting(n) == 0);
}

fn last(stand_in: &StandIn, path: &str) -> Asked {
    stand_in.asked(path).pop().unwrap_or_else(|| panic!("nothing at {path}"))
}

#[test]
fn robots_get_texts_with_signatures_and_say_what_is_to_be_mended() {
    let stand_in = StandIn::new(|asked| match asked.path.as_str() {
        path if path.starts_with("/closed") => {
            let said = "not allow to access from your ip, from ip: 203.0.113.9, more";
            (200, String::new(), json!({ "errcode": 60020, "errmsg": said }))
        }
        _ => ok(),
    });
    let base = &stand_in.base;
    let robot = |path: &str| {
        format!("[[receiver]]\nname = \"robot\"\nkind = \"wecom_robot\"\nurl = \"{base}{path}?key=key-of-the-robot\"\n")
    };
    let n = nearset(&format!(
        "{}[[receiver]]\nname = \"ding\"\nkind = \"dingtalk\"\nurl = \"{base}/robot/send?access_token=abcdef\"\nsecret = \"SEC-ding\"\n\
         [[receiver]]\nname = \"feishu\"\nkind = \"feishu\"\nurl = \"{base}/open-apis/bot/v2/hook/0123456789abcdef\"\n\
         secret = \"SEC-feishu\"\nlanguage = \"en\"\n",
        robot("/cgi-bin/webhook/send")
    ));
    let said = n.ok(&["notify", "test"]);
    assert!(["robot", "ding", "feishu"].iter().all(|name| said.contains(&format!("{name}: arrived: "))), "{said}");
    tell_everybody(&n);
    let chinese = last(&stand_in, "/cgi-bin/webhook/send?key=key-of-the-robot").body["text"]["content"].clone();
    assert!(chinese.as_str().is_some_and(|text| text.contains("[告警] Slow (严重)")), "{chinese}");
    let ding = last(&stand_in, "/robot/send");
    let url = url::Url::parse(&format!("http://a{}", ding.path)).expect("a URL");
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["access_token"], "abcdef");
    assert_eq!(query["sign"], base64(&hmac("SEC-ding", &format!("{}\nSEC-ding", query["timestamp"]))));
    let feishu = last(&stand_in, "/open-apis/bot").body;
    let key = format!("{}\nSEC-feishu", feishu["timestamp"].as_str().expect("a timestamp"));
    assert_eq!(feishu["sign"], base64(&hmac(&key, "")));
    let english = feishu["content"]["text"].as_str().expect("a text");
    assert!(english.contains("[firing] Slow (critical)") && english.contains("summary: Slow is wrong"), "{english}");
    notify_toml(&n, &robot("/closed"));
    let output = n.run(&["notify", "test", "robot"]);
    let said = text(&output.stdout);
    let words = "this machine's address 203.0.113.9: add it to the trusted addresses";
    assert!(!output.status.success() && said.contains(words) && !said.contains("key-of-the-robot"), "{said}");
}

#[test]
fn programs_get_notices_and_mailboxes_letters() {
    let stand_in = StandIn::new(|_| ok());
    let (port, mail) = mail_server();
    let n = nearset("");
    let file = n.path().join("told.jsonl");
    let shown = file.display();
    notify_toml(
        &n,
        &format!(
            "{}token = \"bearer-token\"\n\
             [[receiver]]\nname = \"mail\"\nkind = \"email\"\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             from = \"nearset <n@example.cn>\"\nto = [\"ops@example.cn\", \"b@example.cn\"]\n\
             [[receiver]]\nname = \"script\"\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"cat >> '{shown}'; echo >> '{shown}'\"]\n",
            webhook_toml("hook", &stand_in.base)
        ),
    );
    let said = n.ok(&["notify", "test"]);
    assert!(["hook", "mail", "script"].iter().all(|name| said.contains(&format!("{name}: arrived: "))), "{said}");
    tell_everybody(&n);
    let hook = last(&stand_in, "/hook");
    assert_eq!(hook.headers["authorization"], "Bearer bearer-token");
    assert!(!hook.headers["idempotency-key"].is_empty());
    let lines = fs::read_to_string(&file).expect("what the script was told");
    let script = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    for told in [hook.body, script] {
        assert_eq!(
            (&told["name"], &told["state"], &told["wanted"], &told["source"]),
            (&json!("Slow"), &json!("firing"), &json!("recommend-default"), &json!("alertmanager"))
        );
    }
    let letter = mail.lock().expect("a lock").last().cloned().unwrap_or_default();
    let words = ["Subject: [nearset] recommend-default: Slow firing", "summary: Slow is wrong", "Message-ID: <"];
    assert!(words.iter().all(|words| letter.contains(words)), "{letter}");
}

/// The name and state of all that a webhook was told.
fn told(stand_in: &StandIn, path: &str) -> Vec<String> {
    let word = |asked: &Asked, field: &str| asked.body[field].as_str().unwrap_or_default().to_owned();
    stand_in.asked(path).iter().map(|asked| format!("{} {}", word(asked, "name"), word(asked, "state"))).collect()
}

#[test]
fn a_run_that_fails_is_told_once_and_one_that_does_not_resolves_it_once() {
    let stand_in = StandIn::new(|_| ok());
    let n = nearset(&webhook_toml("hook", &stand_in.base)).own_project();
    n.write("dataset.json", &catalogue(&["a", "b", "c"]));
    let run = ["run", "--as-of", AS_OF, "--only", "extract", "--full-refresh"];
    n.ok(&run);
    assert_eq!(told(&stand_in, "/hook"), [""; 0]);
    n.write("dataset.json", "{\"no\": ");
    for _ in 0..2 {
        n.fails(1, &run);
        assert_eq!(told(&stand_in, "/hook"), ["RunFailed firing"]);
    }
    let first = stand_in.asked("/hook")[0].body.clone();
    assert_eq!((&first["severity"], &first["labels"]["step"]), (&json!("critical"), &json!("extract")));
    assert!(first["description"].as_str().is_some_and(|text| text.contains("dataset.json")), "{first}");
    let said = n.ok(&["notify", "list"]);
    assert!(said.contains("critical  RunFailed"), "{said}");
    n.write("dataset.json", &catalogue(&["a", "b", "c"]));
    for _ in 0..2 {
        n.ok(&run);
        assert_eq!(told(&stand_in, "/hook"), ["RunFailed firing", "RunFailed resolved"]);
    }
    let check = "-- description: Refuses.\nselect 7 as x";
    fs::write(n.project.join("sql/checks/check_broken.sql"), check).expect("a check");
    n.fails(4, &["run", "--as-of", AS_OF, "--only", "features"]);
    let last = stand_in.asked("/hook").pop().expect("a notice").body;
    assert_eq!(last["name"], "GateRefused");
    assert!(last["description"].as_str().is_some_and(|text| text.contains("check_broken")), "{last}");
}

#[test]
fn a_receiver_that_is_down_delays_no_run_and_hears_of_it_later() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = is_up.clone();
    let stand_in =
        StandIn::new(move |_| if up.load(Ordering::Relaxed) { ok() } else { (500, String::new(), Value::Null) });
    let n = nearset(&webhook_toml("hook", &stand_in.base));
    fs::write(n.exports().join("dataset.json"), "{\"no\": ").expect("an export");
    n.fails(1, &["run", "--as-of", AS_OF, "--only", "extract"]);
    assert_eq!((stand_in.asked("/hook").len(), waiting(&n)), (1, 1));
    let said = n.ok(&["notify", "list"]);
    assert!(said.contains("hook has not got 1 messages yet: status 500"), "{said}");
    is_up.store(true, Ordering::Relaxed);
    let mut gateway = Gateway::of(&n);
    until("it is told", || waiting(&n) == 0);
    gateway.kill("TERM");
    assert_eq!(told(&stand_in, "/hook"), ["RunFailed firing", "RunFailed firing"], "refused, and taken");
}

#[test]
fn what_a_server_says_of_itself_is_told_once_it_lasts() {
    let fault = Arc::new(Mutex::new(Some("its manifest is gone")));
    let said = fault.clone();
    let stand_in = StandIn::new(move |asked| match asked.path.as_str() {
        "/health" => {
            (200, String::new(), json!({ "exposures_logged": true, "model_fault": *said.lock().expect("a lock") }))
        }
        _ => ok(),
    });
    let base = &stand_in.base;
    let n = nearset(&format!(
        "{}[watch]\nserver = \"{base}\"\n[patience]\nModelRefused = \"1s\"\n",
        webhook_toml("hook", base)
    ));
    n.write("dataset.json", &catalogue(&["a"]));
    let run = ["run", "--as-of", AS_OF, "--only", "extract"];
    n.ok(&run);
    assert_eq!(told(&stand_in, "/hook"), [""; 0], "it may be over in a moment");
    std::thread::sleep(Duration::from_secs(1));
    n.ok(&run);
    assert_eq!(told(&stand_in, "/hook"), ["ModelRefused firing"]);
    let told_of = stand_in.asked("/hook")[0].body["description"].clone();
    assert!(told_of.as_str().is_some_and(|text| text.contains("its manifest is gone")), "{told_of}");
    *fault.lock().expect("a lock") = None;
    n.ok(&run);
    std::thread::sleep(Duration::from_secs(1));
    n.ok(&run);
    assert_eq!(told(&stand_in, "/hook"), ["ModelRefused firing", "ModelRefused resolved"]);
}

#[test]
fn the_gateway_answers_as_the_old_one_did_and_takes_up_changes() {
    let stand_in = StandIn::new(|_| ok());
    let token = "[gateway]\ntoken = \"let-me-in\"\n";
    let n = nearset(&format!("{}{token}", webhook_toml("first", &stand_in.base)));
    let gateway = Gateway::of(&n);
    let one = group(&[alert("Slow", "firing")]);
    assert_eq!(gateway.post("/webhook/recommend-default", &one, "no").0, 401);
    for (body, words) in
        [("no JSON", "this is no webhook of Alertmanager (version 4)"), ("{}", "missing field `alerts`")]
    {
        let (status, answer) = gateway.post("/webhook/x", body, "let-me-in");
        assert!(status == 400 && answer["message"].as_str().is_some_and(|text| text.contains(words)), "{answer}");
    }
    let (status, answer) = gateway.post("/webhook/x", &" ".repeat(5 << 20), "let-me-in");
    assert!(status == 413 && answer["status"] == "error", "{answer}");
    assert_eq!(gateway.post("/nowhere", "", "").0, 404);
    let sentry =
        json!({ "project_name": "web", "level": "fatal", "message": "boom", "url": "http://sentry/1", "id": "1" });
    let success = (200, json!({ "status": "success" }));
    assert_eq!(gateway.post("/webhook/sentry", &sentry.to_string(), "let-me-in"), success);
    assert_eq!(gateway.post("/webhook/sentry", "{}", "let-me-in").0, 400);
    assert_eq!(gateway.post("/test", "", "let-me-in"), success);
    for body in [&one, &one, &group(&[alert("Slow", "resolved")]), &group(&[alert("Slow", "resolved")])] {
        assert_eq!(gateway.post("/webhook/recommend-default", body, "let-me-in"), success);
    }
    until("all told", || waiting(&n) == 0);
    let mut all = told(&stand_in, "/first");
    all.sort();
    assert_eq!(all, ["SentryIssue firing", "Slow firing", "Slow resolved", "Test test"]);
    let health: Value = serde_json::from_str(&gateway.get("/health")).expect("JSON");
    assert_eq!(
        (&health["status"], &health["config"]["corp_secret"], &health["receivers"]),
        (&json!("healthy"), &json!(false), &json!(1))
    );
    assert!(gateway.get("/metrics").contains("notifications_total{receiver=\"first\",result=\"sent\"} 4"));
    // a file that is broken changes nothing, one that is not is taken up
    notify_toml(&n, "[[receiver]]\nname = \"second\"");
    std::thread::sleep(Duration::from_millis(300));
    notify_toml(&n, &webhook_toml("second", &stand_in.base));
    assert_eq!(gateway.post("/webhook/second", &group(&[alert("Late", "firing")]), ""), success);
    until("the new one is told", || told(&stand_in, "/second") == ["Late firing"]);
}

#[test]
fn nobody_is_told_of_anything_where_no_setting_names_them() {
    let proxy = StandIn::new(|_| ok());
    let mut n = Nearset::empty();
    n.set("LISTEN", &format!("127.0.0.1:{}", free_port()));
    n.set("HTTPS_PROXY", &proxy.base);
    n.set("HTTP_PROXY", &proxy.base);
    fs::write(n.exports().join("dataset.json"), "{\"no\": ").expect("an export");
    n.fails(1, &["run", "--as-of", AS_OF, "--only", "extract"]);
    for command in [&["notify", "test"][..], &["notify", "serve"]] {
        let error = n.fails(1, command);
        assert!(error.contains("nobody is told of anything: write") && error.contains("WEIXIN_CORP_ID"), "{error}");
    }
    assert!(n.ok(&["notify", "list"]).contains("nobody is told of anything"));
    assert!(text(&n.run(&["doctor"]).stdout).contains("nobody is told when something goes wrong"));
    assert!(proxy.asked("").is_empty() && !n.data().join("operations/outbox").exists());
    n.set("WEIXIN_CORP_ID", "ww1");
    let error = n.fails(1, &["notify", "test"]);
    assert!(error.contains("WEIXIN_CORP_SECRET and WEIXIN_AGENT_ID belong together"), "{error}");
    // with all of them that application is told, through the proxy, and nobody else
    n.set("WEIXIN_CORP_SECRET", "hunter-two");
    n.set("WEIXIN_AGENT_ID", "7");
    let said = text(&n.run(&["notify", "test"]).stdout);
    assert!(said.starts_with("wecom: not arrived: qyapi.weixin.qq.com does not answer"), "{said}");
    assert_eq!(
        proxy.asked("").iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(),
        ["qyapi.weixin.qq.com:443"]
    );
}
