//! Wrong files: a clear message, exit code 2, and nothing written. The files and what is said of them
//! are the fixtures of the crates that read them.

use std::fs;
use std::path::Path;

use distributor_tests::Place;

const GRAPHS: &str = "crates/distributor/tests/graph_files/bad";
const CONFIGS: &str = "crates/distributor-core/tests/config_files/bad";

/// Names of the files with this extension, without it.
fn fixtures(folder: &Path, extension: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn wrong_graph_files_are_explained_and_nothing_is_written() {
    let place = Place::new();
    place.copy(GRAPHS, "bad");
    let names = fixtures(&place.join("bad"), "toml");
    assert!(names.len() >= 40, "only {} fixtures", names.len());
    for name in names {
        let file = format!("{name}.toml");
        let mut command = place.command(["run", &file]);
        let output = command
            .current_dir(place.join("bad"))
            .output()
            .expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}\n{stderr}");
        let folder = place.join("bad").canonicalize().expect("the folder");
        let expected = place
            .read(&format!("bad/{name}.expected"))
            .replace("FOLDER", &folder.display().to_string());
        for line in expected.lines().map(str::trim) {
            assert!(
                stderr.contains(line),
                "{name}: {line:?} is not in\n{stderr}"
            );
        }
        assert!(output.stdout.is_empty(), "{name}: data without a run");
        assert!(
            !place.join("bad/.distributor").exists(),
            "{name}: state was made"
        );
    }
}

#[test]
fn wrong_configuration_files_are_explained_and_nothing_is_written() {
    let source = Place::new();
    source.copy(CONFIGS, "bad");
    let names = fixtures(&source.join("bad"), "cfg");
    assert!(names.len() >= 25, "only {} fixtures", names.len());
    for name in names {
        let place = Place::new();
        let text = fs::read(source.join(&format!("bad/{name}.cfg"))).expect("a fixture");
        fs::write(place.join("distributors.cfg"), text).expect("a copy");
        place.write(
            "graph.toml",
            "config = \"distributors.cfg\"\n[jobs.a]\nrun.shell = \"true\"\n",
        );
        for command in [
            ["config", "check", "distributors.cfg"].as_slice(),
            &["run", "graph.toml"],
        ] {
            let done = place.run(command).expect(2);
            let said = format!("{}{}", done.stdout, done.stderr);
            assert!(said.contains("distributors.cfg:"), "{name}\n{done}");
            // Kinds that only the fixtures' own test knows are what is wrong first.
            if !said.contains("unknown distributor kind") {
                let expected = source.read(&format!("bad/{name}.expected"));
                let first = expected.lines().next().unwrap_or_default();
                let position: Vec<&str> = first.splitn(4, ':').take(3).collect();
                assert!(said.contains(&position.join(":")), "{name}\n{done}");
            }
            assert!(!place.state().exists(), "{name}: state was made\n{done}");
        }
    }
}

#[test]
fn graph_and_configuration_are_checked_together() {
    let place = Place::new();
    place.write(
        "graph.toml",
        r#"
[jobs.a]
distributor = "nowhere"
[jobs.b]
run.argv = []
needs = ["c"]
[jobs.d]
run = { argv = ["true"], shell = "true" }
[jobs.e]
run = { shell = "true", enviroment = {} }
[jobs.f]
run = { shell = "true", env = { DISTRIBUTOR_X = "1" } }
"#,
    );
    let done = place.run(["run", "graph.toml"]).expect(2);
    done.complains("graph.toml:3:15: jobs.a.distributor: ")
        .complains("`nowhere`")
        .complains("local-process")
        .complains("graph.toml:6:10: jobs.b.needs[0]: ")
        .complains("jobs.b.run")
        .complains("jobs.d.run")
        .complains("`enviroment`")
        .complains("DISTRIBUTOR_X")
        .complains("6 problems");
    assert!(!place.state().exists());
    let json = place.run(["run", "graph.toml", "--json"]).expect(2).json();
    let problems = json["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 6, "{json}");
    assert_eq!(problems[0]["line"], 3, "{json}");
    assert_eq!(problems[0]["column"], 15, "{json}");
}

#[test]
fn wrong_arguments_are_exit_code_two() {
    let place = Place::new();
    place.write("graph.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    for arguments in [
        ["run"].as_slice(),
        &["run", "graph.toml", "--jobs", "0"],
        &["run", "graph.toml", "--jobs", "many"],
        &["run", "absent.toml"],
        &["run", "."],
        &["run", "graph.toml", "--config", "absent.cfg"],
        &["frobnicate"],
        &["show", "no-such-id"],
        &["logs", "aaaa|0"],
        &["gc", "--older-than", "soon"],
        &["completions", "cobol"],
    ] {
        let done = place.run(arguments).expect(2);
        assert!(!done.stderr.is_empty(), "{done}");
        assert!(!place.state().exists(), "{done}");
    }
}
