//! The examples that need a service, as their README says. Those in `sh` are with their kind of job.

use std::path::Path;
use std::process::Command;

use distributor_tests::{Done, Place, Service, example};
use serde_json::{Value, json};

use crate::jobs::{edit_distance_in_sh, has_curl};
use crate::simulated::skipped;

fn in_rust(place: &Place, service: &Service, program: &Path) {
    let mut command = Command::new(program);
    command
        .args(["submit", "kitten", "sitting"])
        .env("DISTRIBUTOR_SERVER", &service.url)
        .current_dir(place.path());
    let done = Done::of(command).expect(0);
    assert_eq!(done.stdout, "3 ~===~=+\n", "{done}");
}

/// All attempts with their states and when these came to be.
fn all(service: &Service) -> Value {
    let request = json!({"all": true, "pageSize": 1000});
    let list = service.call("distributor.control.Control/List", &request);
    list.expect("a list")
}

#[test]
fn the_edit_distance_in_rust_is_right_runs_nothing_again_and_shares_nothing_with_sh() {
    let place = Place::new();
    let program = example("distributor-client", "edit_distance");
    let service = place.serve(&[]);
    in_rust(&place, &service, &program);
    let solved = all(&service);
    // Each of seven endings with each of eight.
    assert_eq!(solved["counts"], json!({"finished": "56"}), "{solved}");
    in_rust(&place, &service, &program);
    assert_eq!(all(&service), solved, "nothing was run");
    if !has_curl() {
        skipped("curl is not installed");
        return;
    }
    edit_distance_in_sh(&place, &service);
    let both = all(&service);
    assert_eq!(both["counts"], json!({"finished": "112"}), "{both}");
}
