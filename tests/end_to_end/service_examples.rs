//! The examples that need a service, as their README says. Those in `sh` are with their kind of job.

use std::path::Path;
use std::process::Command;

use distributor_tests::{Done, Place, Service, example};

use crate::jobs::{edit_distance_in_sh, has_curl};
use crate::simulated::{skipped, whole_graph};

fn in_rust(place: &Place, service: &Service, program: &Path) -> String {
    let mut command = Command::new(program);
    command
        .args(["submit", "kitten", "sitting"])
        .env("DISTRIBUTOR_SERVER", &service.url)
        .current_dir(place.path());
    let done = Done::of(command).expect(0);
    assert_eq!(done.stdout, "3 ~===~=+\n", "{done}");
    let asked = done.stderr.split_whitespace().last();
    asked.expect("the quest is named").to_owned()
}

#[test]
fn the_edit_distance_in_rust_is_right_runs_nothing_again_and_shares_nothing_with_sh() {
    let place = Place::new();
    let program = example("distributor-client", "edit_distance");
    let service = place.serve(&[]);
    let quest = in_rust(&place, &service, &program);
    let solved = whole_graph(&service, &quest);
    assert_eq!(solved.len(), 56, "seven endings with eight each");
    assert_eq!(in_rust(&place, &service, &program), quest);
    assert_eq!(whole_graph(&service, &quest), solved, "nothing was run");
    if !has_curl() {
        skipped("curl is not installed");
        return;
    }
    assert_ne!(edit_distance_in_sh(&place, &service), quest);
}
