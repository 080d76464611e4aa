//! Garbage over HTTP/1.1 at the real process, and good calls beside it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use distributor_tests::{Connection, Place, Random};

const REQUESTS: usize = 10_000;
const SENDERS: usize = 4;
/// Of the requests, so many come before memory is looked at for the first time.
const WARM_UP: usize = 2_000;
/// What the memory of the process may grow by after that, in kB.
const MOST_GROWTH: u64 = 48 * 1024;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const METHODS: [&str; 6] = [
    "/prpc/dm.Deps/EnsureGraphData",
    "/prpc/dm.Deps/ActivateExecution",
    "/prpc/dm.Deps/FinishAttempt",
    "/prpc/dm.Deps/WalkGraph",
    "/prpc/distributor.control.Control/List",
    "/prpc/distributor.control.Control/Cancel",
];
/// Good JSON, wrong values.
const WRONG: [&str; 8] = [
    r#"{"quest": 7}"#,
    r#"{"quest": [{"parameters": "{"}], "quest_attempt": [{"nums": [-1]}]}"#,
    r#"{"quest": [null], "template_quest": [[]], "raw_attempts": "x"}"#,
    r#"{"auth": {"id": {"quest": "x", "attempt": 0, "id": 4294967296}, "token": "%"}}"#,
    r#"{"query": {"attempt_list": {"to": {"": {"nums": [0]}}}}, "limit": {"max_depth": "-9"}}"#,
    r#"{"attempts": [{"quest": "|", "id": 1e99}], "reason": {}}"#,
    r#"{"page_size": -1, "page_token": "\u0000"}"#,
    r#"[]"#,
];

fn bytes(random: &mut Random, most: usize) -> Vec<u8> {
    let length = random.below(most);
    (0..length)
        .map(|_| u8::try_from(random.below(256)).unwrap_or(0))
        .collect()
}

/// One garbage request. Whether it is answered is up to the service.
fn garbage(random: &mut Random, connection: &mut Connection) {
    let method = METHODS[random.below(METHODS.len())];
    let _answer = match random.below(10) {
        0 => connection.post(method, &[JSON], &bytes(random, 2_000)),
        1 => {
            let deep = "{\"query\":[".repeat(random.below(20_000));
            connection.post(method, &[JSON], deep.as_bytes())
        }
        2 | 3 => {
            let wrong = WRONG[random.below(WRONG.len())];
            connection.post(method, &[JSON], wrong.as_bytes())
        }
        4 => {
            let binary = ("Content-Type", "application/prpc; encoding=binary");
            connection.post(method, &[binary], &bytes(random, 2_000))
        }
        5 => {
            let text = ("Content-Type", "application/prpc; encoding=text");
            connection.post(method, &[text], &bytes(random, 2_000))
        }
        6 => {
            let gzip = ("Content-Encoding", "gzip");
            connection.post(method, &[JSON, gzip], &bytes(random, 2_000))
        }
        7 => {
            let number = random.below(1_000_000);
            let path = format!("{}/{number}", &method[..random.below(method.len()).max(1)]);
            let header = ("X-Prpc-Timeout", &*format!("{number}Q"));
            connection.post(&path, &[JSON, header], b"{}")
        }
        8 => {
            // Never more than a line, so that no side waits for the other.
            let mut noise = bytes(random, 300);
            noise.extend_from_slice(b"\r\n\r\n");
            connection.send(&noise)
        }
        _ => {
            let length = random.below(usize::MAX);
            let head = format!(
                "POST {method} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}{length}\r\n\r\n"
            );
            connection.send(head.as_bytes())
        }
    };
}

/// Resident memory of a process, in kB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|it| it.parse().ok()).expect("a number")
}

/// Sends garbage from several threads until `until` requests were sent in all; gives how many good
/// calls were answered beside them.
fn send(address: &str, sent: &AtomicUsize, until: usize) -> usize {
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| scope.spawn(move || send_one(address, sender, sent, until)))
            .collect();
        senders
            .into_iter()
            .map(|it| it.join().expect("it sends"))
            .sum()
    })
}

fn send_one(address: &str, sender: usize, sent: &AtomicUsize, until: usize) -> usize {
    let mut random = Random::new((sender * until) as u64);
    let mut connection = Connection::to(address);
    let mut good = Connection::to(address);
    let mut answered = 0;
    while sent.fetch_add(1, Ordering::Relaxed) < until {
        garbage(&mut random, &mut connection);
        if random.below(25) == 0 {
            let number = random.below(5);
            let quest = format!(
                r#"{{"quest": [{{"distributor_config_name": "noop", "parameters": "{{\"n\":{number}}}",
                    "distributor_parameters": "{{}}"}}], "quest_attempt": [{{"nums": [1]}}]}}"#
            );
            let reply = good.post(METHODS[0], &[JSON], quest.as_bytes());
            let reply = reply.expect("a good call is answered");
            assert_eq!(reply.header("x-prpc-grpc-code"), "0", "{}", reply.text());
            answered += 1;
        }
    }
    answered
}

#[test]
fn garbage_over_http_leaves_the_process_up_and_its_memory_flat_and_good_calls_answered() {
    let place = Place::new();
    let service = place.serve(&[]);
    let pid = service.running.pid();
    let sent = AtomicUsize::new(0);
    let mut answered = send(service.address(), &sent, WARM_UP);
    let before = resident(pid);
    sent.store(WARM_UP, Ordering::Relaxed);
    answered += send(service.address(), &sent, REQUESTS);
    let after = resident(pid);
    assert!(
        answered > REQUESTS / 50,
        "only {answered} good calls were made"
    );
    assert!(
        after < before + MOST_GROWTH,
        "from {before} kB to {after} kB"
    );
    let end = service.stop().expect(0);
    assert!(!end.stderr.contains("panicked"), "{end}");
}
