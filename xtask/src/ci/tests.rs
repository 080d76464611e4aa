//! The list of steps, and how they are run.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::command::Command;
use super::steps::{Facade, Step, all};
use super::{run_steps, select};

fn steps() -> Vec<Step> {
    let facade = Facade {
        backend_features: vec!["backend-a".to_owned(), "backend-b".to_owned()],
    };
    all(&facade, Path::new("/a folder"))
}

fn commands(name: &str) -> Vec<String> {
    let steps = steps();
    let step = steps.iter().find(|step| step.name == name);
    let commands = &step.expect("the step exists").commands;
    commands.iter().map(Command::to_string).collect()
}

fn names(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.name).collect()
}

#[test]
fn every_choice_of_features_is_checked() {
    assert_eq!(
        commands("clippy-features"),
        [
            "cargo clippy -p distributor --all-targets --no-default-features -- -D warnings",
            "cargo clippy -p distributor --all-targets --no-default-features --features backend-a -- -D warnings",
            "cargo clippy -p distributor --all-targets --no-default-features --features backend-b -- -D warnings",
            "cargo clippy -p distributor --all-targets --all-features -- -D warnings",
        ]
    );
    assert_eq!(commands("kinds").len(), 4);
}

#[test]
fn commands_are_shown_as_a_shell_reads_them() {
    assert_eq!(
        commands("doc"),
        ["RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps"]
    );
    assert_eq!(
        commands("readme"),
        ["cargo run --release -- run examples/hello.toml --state '/a folder/state'"]
    );
    let command = Command::new("a").argument("it's").argument("");
    assert_eq!(command.to_string(), r"a 'it'\''s' ''");
}

#[test]
fn backend_features_come_from_the_manifest() {
    let root = TempDir::new().expect("a temporary folder");
    let folder = root.path().join("crates/distributor");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let manifest = "[features]\ndefault = []\nbackend-z = []\nbackend-a = []\n";
    fs::write(folder.join("Cargo.toml"), manifest).expect("the file can be written");
    let facade = Facade::read(root.path()).expect("the manifest can be read");
    assert_eq!(facade.backend_features, ["backend-a", "backend-z"]);
}

#[test]
fn steps_are_chosen_by_name_and_keep_their_order() {
    let chosen = select(steps(), &["doc".to_owned(), "fmt".to_owned()]);
    assert_eq!(names(&chosen.expect("both exist")), ["fmt", "doc"]);
    let everything = select(steps(), &[]).expect("nothing is wrong");
    assert_eq!(names(&everything), names(&steps()));
    let error = select(steps(), &["dox".to_owned()]).expect_err("there is none");
    let message = error.to_string();
    assert!(
        message.starts_with("there is no step `dox`; there are: fmt, tidy, "),
        "{message}"
    );
}

#[test]
fn the_first_failure_ends_the_gate_and_says_how_to_repeat_it() {
    let root = TempDir::new().expect("a temporary folder");
    let step = |name, lines: &[&str]| Step {
        name,
        purpose: "",
        commands: lines.iter().map(|line| Command::new(line)).collect(),
    };
    let run = |steps: &[Step]| run_steps(root.path(), steps).map_err(|it| it.to_string());

    let good = [step("one", &["true", "mkdir a"]), step("two", &["rmdir a"])];
    assert_eq!(run(&good).map(|it| it.len()), Ok(2));

    let bad = [
        step("one", &["mkdir b", "cat /nonexistent/file", "mkdir c"]),
        step("two", &["mkdir d"]),
    ];
    let message = "step `one` failed (exit status: 1); to repeat it:\n  cat /nonexistent/file\nto repeat the whole step:\n  cargo xtask ci one";
    assert_eq!(run(&bad), Err(message.to_owned()));
    assert!(root.path().join("b").exists());
    assert!(!root.path().join("c").exists());
    assert!(!root.path().join("d").exists());

    let absent = [step("one", &["/nonexistent/program"])];
    let message = run(&absent).expect_err("there is no such program");
    assert!(
        message.starts_with("step `one` failed (cannot be started: "),
        "{message}"
    );
}
