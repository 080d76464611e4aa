//! A service with TLS, and commands and jobs that trust its certificate.

use std::process::Command;

use distributor_tests::{Done, Place, Service};
use rcgen::generate_simple_self_signed;

use crate::jobs::{has_curl, of_script};
use crate::simulated::skipped;

fn place() -> Place {
    let place = Place::new();
    let names = ["127.0.0.1".to_owned()];
    let made = generate_simple_self_signed(names).expect("a certificate");
    place.write("cert.pem", &made.cert.pem());
    place.write("key.pem", &made.signing_key.serialize_pem());
    place
}

fn serve(place: &Place) -> Service {
    place.serve(&["--tls-certificate", "cert.pem", "--tls-key", "key.pem"])
}

#[test]
fn commands_work_over_tls_with_the_certificate_that_they_are_given() {
    let place = place();
    let service = serve(&place);
    assert!(
        service.url.starts_with("https://127.0.0.1:"),
        "{}",
        service.url
    );
    place.write("graph.toml", "[jobs.one]\nrun.shell = \"echo said\"\n");
    let trusting = ["--server", &service.url, "--ca", "cert.pem"];
    let run = |arguments: &[&str]| place.run(arguments.iter().chain(&trusting));
    let done = run(&["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(done.json()["finished"], 1, "{done}");
    let attempt = done.job("one")["attempt"]
        .as_str()
        .expect("an id")
        .to_owned();
    run(&["logs", &attempt]).expect(0).says("said");
    place
        .run_with(
            ("DISTRIBUTOR_CA", "cert.pem"),
            ["status", "--server", &service.url],
        )
        .expect(0);
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_and_so_is_talk_without_tls() {
    let place = place();
    let service = serve(&place);
    let other = self::place();
    let strange = other.join("cert.pem");
    let strange = strange.to_str().expect("UTF-8");
    for trusting in [&["status"][..], &["status", "--ca", strange]] {
        let server = ["--server", &service.url];
        let done = place.run(trusting.iter().chain(&server));
        done.expect(3).complains("certificate");
    }
    let plain = format!("http://{}", service.address());
    place.run(["status", "--server", &plain]).expect(3);
    let done = place.run(["status", "--server", &service.url, "--ca", "key.pem"]);
    done.expect(2).complains("key.pem: has no certificate");
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_told_before_anything_is_served() {
    let place = place();
    let other = self::place();
    place.write("other.pem", &other.read("key.pem"));
    place.write("empty.pem", "");
    for (certificate, key) in [
        ("cert.pem", "other.pem"),
        ("cert.pem", "absent.pem"),
        ("empty.pem", "key.pem"),
        ("cert.pem", "cert.pem"),
    ] {
        let flags = ["--tls-certificate", certificate, "--tls-key", key];
        let done = place.run(["serve", "--listen", "127.0.0.1:0"].iter().chain(&flags));
        done.expect(2).complains(".pem");
    }
    place
        .run(["serve", "--tls-key", "key.pem"])
        .expect(2)
        .complains("--tls-certificate");
    assert!(!place.state().exists());
}

#[test]
fn a_job_calls_back_over_tls() {
    if !has_curl() {
        skipped("curl is not installed");
        return;
    }
    let place = place();
    let service = serve(&place);
    let certificate = place.join("cert.pem");
    let script = format!(
        "trust=--ca={}\n\
         \"$1\" job activate $trust || stop\n\
         \"$1\" job finish '{{\"done\":true}}' $trust || stop\n",
        certificate.display()
    );
    let request = of_script(&place, &script);
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--cacert",
        "cert.pem",
    ])
    .args(["--header", "Content-Type: application/json"])
    .args(["--header", "Accept: application/json", "--data"])
    .arg(request.to_string())
    .arg(format!("{}/prpc/dm.Deps/EnsureGraphData", service.url))
    .current_dir(place.path());
    let answer = Done::of(curl).expect(0).stdout;
    let (_, id) = answer.split_once(r#""id":""#).expect("an id");
    let quest = &id[..43];
    // Reads until the attempt is over.
    place.run(["logs", quest, "--follow"]).expect(0);
    let show = place
        .run(["show", &format!("{quest}|1"), "--json"])
        .expect(0);
    assert_eq!(show.json()["attempt"]["state"], "FINISHED", "{show}");
}
