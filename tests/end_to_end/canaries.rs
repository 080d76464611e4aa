//! Secrets are in nothing that people or other processes can see: output, logs, process listings, files.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_tests::{
    Done, PUSH_PATH, Place, Running, Service, Signal, TOPIC, farm_quest, post,
};
use serde_json::{Value, json};

use crate::farming::SERVE;
use crate::serving::wait_until_over;

const BEARER: &str = "canary-bearer-of-the-farm-4711";
const WRONG_BEARER: &str = "canary-wrong-bearer-0815";
const FIELDS: &str = "poll_timeout { seconds: 2 } credentials { token_file: \"BEARER\" }";
/// What a program prints instead of a file.
const PROGRAM: &str =
    "poll_timeout { seconds: 2 } credentials { command { argv: \"cat\" argv: \"BEARER\" } }";
/// Failures of every kind get into the log.
const FAULTS: &str = r#"
seed = 7
[[requests]]
endpoint = "*"
probability = 0.15
fault = "status"
status = 500
[[requests]]
endpoint = "*"
probability = 0.15
fault = "garbage"
status = 502
[[requests]]
endpoint = "tasks.new"
probability = 0.2
fault = "lost"
"#;
const ACLS: &str = "readers: \"all\"\nwriters: \"all\"\n";

/// All that may not be seen, and all that could be.
#[derive(Default)]
struct Watch {
    canaries: Vec<Vec<u8>>,
    seen: Vec<(String, Vec<u8>)>,
}

impl Watch {
    fn see(&mut self, what: &str, bytes: impl Into<Vec<u8>>) {
        self.seen.push((what.to_owned(), bytes.into()));
    }

    /// Runs a command at the service, or without one; the output counts, the exit code does not.
    fn run(&mut self, place: &Place, token: &str, arguments: &[&str]) {
        let done = place.run_with(("DISTRIBUTOR_TOKEN", token), arguments);
        self.see(&format!("{arguments:?}"), done.stdout + &done.stderr);
    }

    /// What a process shows to others: its arguments; and its environment, which only its user can read.
    fn look_at(&mut self, process: &Running) {
        for file in ["cmdline", "environ"] {
            let path = format!("/proc/{}/{file}", process.pid());
            let bytes = fs::read(&path).expect("a running process");
            self.see(&path, bytes);
        }
    }

    fn stop(&mut self, service: Service) {
        let done = service.stop().expect(0);
        self.ended("the service", done);
    }

    fn crash(&mut self, service: Service) {
        service.running.signal(Signal::KILL);
        self.ended("the killed service", service.running.end());
    }

    fn ended(&mut self, what: &str, done: Done) {
        assert!(!done.stderr.is_empty(), "{what} has told something");
        self.see(what, done.stdout + &done.stderr);
    }

    /// A secret as it is written, and what it stands for.
    fn keep(&mut self, base64: &str) -> Vec<u8> {
        let raw = STANDARD.decode(base64).expect("base64");
        self.canaries.extend([base64.into(), raw.clone()]);
        raw
    }

    fn check(&self, state: &Path) {
        assert!(self.canaries.iter().all(|it| it.len() > 10), "too short");
        for (what, bytes) in &self.seen {
            for canary in &self.canaries {
                let name = String::from_utf8_lossy(canary);
                assert!(!holds(bytes, canary), "{what} shows {name}");
            }
        }
        let mut secret_files = 0;
        for path in files_in(state) {
            let bytes = fs::read(&path).expect("a file");
            if self.canaries.iter().any(|canary| holds(&bytes, canary)) {
                secret_files += 1;
                let mode = fs::metadata(&path).expect("a file").permissions().mode();
                assert_eq!(mode & 0o077, 0, "others can read {}", path.display());
            }
        }
        assert!(secret_files > 0, "the secrets are kept somewhere");
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files.extend(files_in(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Passes pushes on to `address`, and keeps their topic tokens.
struct Proxy {
    url: String,
    tokens: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let tokens = Arc::new(Mutex::new(Vec::new()));
        let (kept, address) = (tokens.clone(), address.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, address) = (kept.clone(), address.clone());
                thread::spawn(move || pass_on(stream, &address, &kept));
            }
        });
        Proxy { url, tokens }
    }
}

fn pass_on(mut stream: TcpStream, address: &str, kept: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let message: Value = serde_json::from_slice(&body).ok()?;
    let token = message["message"]["attributes"]["auth_token"].as_str()?;
    kept.lock().ok()?.push(token.to_owned());
    let json = ("Content-Type", "application/json");
    let status = post(address, PUSH_PATH, &[json], &body).map_or(503, |reply| reply.status);
    write!(
        stream,
        "HTTP/1.1 {status} Passed on\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    .ok()
}

fn serve(place: &Place, address: &str, token: &str) -> Service {
    let arguments = ["serve", "--listen", address];
    let mut command = place.command(arguments.iter().chain(&SERVE));
    command.env("DISTRIBUTOR_LOG", "trace");
    let mut service = Service::start(command);
    service.show(token);
    service
}

fn ask(service: &Service, quest: Value) -> String {
    let request = json!({ "quest": [quest], "questAttempt": [{"nums": [1]}] });
    let answer = service.call("dm.Deps/EnsureGraphData", &request);
    let answer = answer.expect("it is accepted");
    answer["questIds"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

#[test]
fn secrets_are_seen_in_no_output_no_log_and_no_process_listing() {
    let place = Place::new();
    let mut watch = Watch::default();
    let made = place
        .run(["token", "create", "me", "--group", "all"])
        .expect(0);
    let token = made.stdout.trim().to_owned();
    place.write("BEARER", BEARER);
    place.write("callers", &format!("{BEARER} dm\n"));
    place.write("config/acls.cfg", ACLS);
    let fields = FIELDS.replace("BEARER", &place.join("BEARER").display().to_string());
    place.configure_farm("http://127.0.0.1:1", &fields);
    let service = serve(&place, "127.0.0.1:0", &token);
    let (address, url) = (service.address().to_owned(), service.url.clone());
    watch.stop(service);
    let proxy = Proxy::to(&address);
    let push = format!("{TOPIC}={}", proxy.url);
    place.write("faults.toml", FAULTS);
    let fixed = [
        "--callers",
        "callers",
        "--run-commands",
        "--faults",
        "faults.toml",
    ];
    let farm = place.farm(&[&fixed[..], &["--push", &push]].concat());
    watch.look_at(&farm.running);
    place.configure_farm(&farm.url, &fields);

    let service = serve(&place, &address, &token);
    watch.look_at(&service.running);
    // A job that is given a token for its execution, and never uses it.
    let context = place.join("context").display().to_string();
    let copy = format!("cp \"$LUCI_CONTEXT\" '{context}'");
    let quest = ask(
        &service,
        farm_quest(1, &["sh", "-c", &copy], &json!({}), &json!({})),
    );
    wait_until_over(&service, &quest, 1);
    let execution = format!("{quest}|1|1");

    // Whoever is refused is told, and so is the log.
    place.write("BEARER", WRONG_BEARER);
    let simple = json!({"simple": {}});
    let refused = ask(&service, farm_quest(2, &["true"], &json!({}), &simple));
    let refused = wait_until_over(&service, &refused, 1);
    let status = &refused["data"]["abnormalFinish"]["status"];
    assert_eq!(status, "REJECTED", "{refused}");
    watch.see("what a caller is told", refused.to_string());
    place.write("BEARER", BEARER);
    let json = ("Content-Type", "application/json");
    let pushed = || proxy.tokens.lock().expect("tokens").first().cloned();
    let genuine = service.wait_for(pushed);
    let forged = format!("{genuine}A");
    for token in [forged.as_str(), genuine.as_str(), "AX"] {
        let attributes = json!({ "auth_token": token });
        let body =
            json!({"subscription": "s", "message": {"attributes": attributes, "data": "e30="}});
        let body = body.to_string();
        for body in [body.as_bytes(), &body.as_bytes()[1..]] {
            let reply = post(&address, PUSH_PATH, &[json], body).expect("an answer");
            watch.see("the answer to a push", reply.text());
        }
    }
    let queue = place.run(["secrets", "queue-token", "farm"]).expect(0);
    let queue = queue.stdout.trim().to_owned();
    let header = ("X-Distributor-Queue-Token", queue.as_str());
    let reply = post(&address, "/tq/distributor/farm", &[header], b"x").expect("an answer");
    watch.see("the answer to a queue", reply.text());
    place.run(["secrets", "rotate"]).expect(0);

    for arguments in [
        &["show", &execution, "--json", "--server", &url][..],
        &["explain", &format!("{quest}|1"), "--server", &url],
        &["logs", &execution, "--server", &url],
        &["status", "--all", "--json", "--server", &url],
        &["notifications", "--server", &url],
        &["queue", "list", "--json", "--server", &url],
        &["token", "list", "--json"],
        &["secrets", "list", "--json"],
        &["backends", "--json"],
        &["config", "check", "config/distributors.cfg"],
    ] {
        watch.run(&place, &token, arguments);
    }
    watch.look_at(&service.running);
    watch.crash(service);

    let program = PROGRAM.replace("BEARER", &place.join("BEARER").display().to_string());
    place.configure_farm(&farm.url, &program);
    let service = serve(&place, &address, &token);
    let quest = ask(&service, farm_quest(3, &["true"], &json!({}), &simple));
    wait_until_over(&service, &quest, 1);
    watch.look_at(&service.running);
    watch.stop(service);
    farm.running.signal(Signal::TERM);
    watch.ended("the farm", farm.running.end());

    let context: Value = serde_json::from_str(&place.read("context")).expect("JSON");
    let secret_bytes = context["swarming"]["secret_bytes"].as_str().expect("text");
    let secrets: Value =
        serde_json::from_str(&place.read(".distributor/secrets/pubsub_auth_token.json"))
            .expect("JSON");
    let auth = watch.keep(secret_bytes);
    let auth: Value = serde_json::from_slice(&auth).expect("JSON");
    watch.keep(auth["token"].as_str().expect("an activation token"));
    for secret in [&secrets["current"], &secrets["previous"][0]] {
        watch.keep(secret.as_str().expect("a secret, and one before"));
    }
    let shown = [token, BEARER.into(), WRONG_BEARER.into(), queue];
    let topic_tokens = proxy.tokens.lock().expect("tokens").clone();
    let shown = shown.into_iter().chain(topic_tokens);
    watch.canaries.extend(shown.map(String::into_bytes));
    watch.check(&place.state());
}
