//! Whole files: the fixtures in `tests/graph_files` with what is expected of them, and what takes more than
//! a fixture. `UPDATE_EXPECTED=1` rewrites the expectations: read what they say before you keep them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;

fn fixtures(kind: &str) -> (PathBuf, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/graph_files")
        .join(kind);
    let folder = folder.canonicalize().unwrap();
    let names = fs::read_dir(&folder).unwrap();
    let names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let mut names: Vec<_> = names
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    (folder, names)
}

/// Compares what was found with the file of what is expected; tells the difference.
fn compare(expected: &Path, found: &str, differences: &mut String) {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(expected, found).unwrap();
        return;
    }
    let wanted = fs::read_to_string(expected).unwrap_or_default();
    if wanted != found {
        let _ = writeln!(
            differences,
            "{}:\nexpected\n{wanted}\nfound\n{found}",
            expected.display()
        );
    }
}

#[test]
fn every_wrong_file_has_the_problems_that_are_expected() {
    let (folder, names) = fixtures("bad");
    assert!(names.len() >= 40, "{} fixtures", names.len());
    let mut differences = String::new();
    for name in names {
        let reading = read(&folder.join(format!("{name}.toml")));
        let shown = format!("{}\n", reading.problems);
        let shown = shown.replace(
            &format!("{}/{name}.toml:", folder.display()),
            &format!("{name}.toml:"),
        );
        let shown = shown.replace(folder.to_str().unwrap(), "FOLDER");
        assert!(!reading.problems.is_empty(), "{name} should be wrong");
        compare(
            &folder.join(format!("{name}.expected")),
            &shown,
            &mut differences,
        );
        assert_ordered(&reading.graph);
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn every_right_file_is_the_graph_that_is_expected() {
    let (folder, names) = fixtures("good");
    assert!(names.len() >= 5, "{} fixtures", names.len());
    let mut differences = String::new();
    for name in names {
        let reading = read(&folder.join(format!("{name}.toml")));
        assert!(reading.problems.is_empty(), "{}", reading.problems);
        let shown = serde_json::to_string_pretty(&reading.graph).unwrap() + "\n";
        let shown = shown.replace(folder.to_str().unwrap(), "FOLDER");
        compare(
            &folder.join(format!("{name}.expected.json")),
            &shown,
            &mut differences,
        );
        assert_ordered(&reading.graph);
    }
    assert!(differences.is_empty(), "{differences}");
}

fn assert_ordered(graph: &Graph) {
    for (index, job) in graph.jobs.iter().enumerate() {
        assert!(
            job.needs.iter().all(|&need| need < index),
            "{}: {:?}",
            job.name,
            job.needs
        );
        assert_eq!(job.needs.len(), job.positions.needs.len());
    }
}

/// A folder with a graph file and other files.
fn folder(graph: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let file = folder.path().join("graph.toml");
    fs::write(&file, graph).unwrap();
    (folder, file)
}

fn only_problem(path: &Path) -> String {
    let reading = read(path);
    assert_eq!(reading.problems.len(), 1, "{}", reading.problems);
    reading.problems.sorted()[0].message.clone()
}

#[test]
fn a_missing_file_a_folder_and_a_huge_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        only_problem(&folder.path().join("none.toml")),
        "cannot read the graph file: No such file or directory (os error 2)"
    );
    assert_eq!(
        only_problem(folder.path()),
        "this is a folder, not a graph file"
    );
    let huge = folder.path().join("huge.toml");
    fs::File::create(&huge)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    assert_eq!(only_problem(&huge), "the graph file is larger than 64 MiB");
}

#[test]
fn a_graph_is_the_same_however_its_file_is_named() {
    let (folder, file) = folder(
        "[jobs.a]\ninputs = [\"*.txt\"]\n",
        &[("x.txt", "x"), ("sub/y", "")],
    );
    symlink(folder.path(), folder.path().join("sub/link")).unwrap();
    let graph = |path: &Path| {
        let mut graph = read(path).graph;
        graph.path = PathBuf::new();
        serde_json::to_string(&graph).unwrap()
    };
    assert_eq!(
        graph(&folder.path().join("sub/../graph.toml")),
        graph(&file)
    );
    assert_eq!(
        graph(&folder.path().join("sub/link/graph.toml")),
        graph(&file)
    );
}

#[test]
fn an_input_is_its_path_and_its_content() {
    let (folder, file) = folder(
        "[jobs.a]\ninputs = [\"*.txt\"]\n",
        &[("a.txt", "abc"), ("b.txt", "")],
    );
    let inputs = read(&file).graph.jobs[0].inputs.clone();
    let shown = serde_json::to_value([&*inputs[0], &*inputs[1]]).unwrap();
    assert_eq!(
        shown,
        serde_json::json!([
            {"path": "a.txt", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
            {"path": "b.txt", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        ])
    );
    fs::write(folder.path().join("a.txt"), "abd").unwrap();
    let changed = read(&file).graph.jobs[0].inputs.clone();
    assert_ne!(inputs[0], changed[0]);
    assert_eq!(inputs[1], changed[1]);
}

#[test]
fn folders_are_listed_and_files_read_at_most_once() {
    let mut graph = String::new();
    for job in 0..50 {
        let _ = writeln!(
            graph,
            "[jobs.a{job}]\ninputs = [\"**/*.c\", \"src/*\", \"src/{job}*\", \"src/0.c\", \"src/link.c\"]"
        );
    }
    let files: Vec<_> = (0..50)
        .map(|file| (format!("src/{file}.c"), file.to_string()))
        .collect();
    let mut files: Vec<_> = files
        .iter()
        .map(|(path, content)| (&**path, &**content))
        .collect();
    files.push(("src/deep/x.h", ""));
    let (folder, file) = folder(&graph, &files);
    symlink("0.c", folder.path().join("src/link.c")).unwrap();
    let mut tree = tree::Tree::default();
    let reading = read_with(&mut tree, &file);
    assert!(reading.problems.is_empty(), "{}", reading.problems);
    assert!(reading.graph.jobs.iter().all(|job| job.inputs.len() == 51));
    // The folder itself, `src` and `src/deep`; x.h is no input, and the link is read as what it leads to.
    assert_eq!((tree.listed, tree.read), (3, 50));
}

#[test]
fn a_folder_that_cannot_be_listed_is_a_problem_for_each_job_that_needs_it() {
    let (folder, file) = folder(
        "[jobs.a]\ninputs = [\"locked/*\"]\n[jobs.b]\ninputs = [\"locked/x\"]\n",
        &[("locked/x", "")],
    );
    let locked = folder.path().join("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o0)).unwrap();
    let problems = read(&file).problems;
    let readable = fs::read_dir(&locked).is_ok();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    // Permissions do not bind the superuser.
    assert_eq!(problems.len(), if readable { 0 } else { 2 }, "{problems}");
}

#[test]
fn names_that_are_not_utf8_and_special_files_are_problems() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, file) = folder(
        "[jobs.a]\ninputs = [\"names/*\"]\n[jobs.b]\ninputs = [\"names/*.c\", \"socket\", \"*oml\"]\n",
        &[("names/x.c", "")],
    );
    fs::write(
        folder
            .path()
            .join("names")
            .join(std::ffi::OsStr::from_bytes(b"\xff")),
        "",
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let problems = read(&file).problems;
    let messages: Vec<_> = problems
        .sorted()
        .into_iter()
        .map(|problem| (&*problem.path, &*problem.message))
        .collect();
    let real = folder.path().canonicalize().unwrap();
    assert_eq!(
        messages,
        [
            (
                "jobs.a.inputs[0]",
                &*format!("the name of {}/names/\u{fffd} is not UTF-8", real.display())
            ),
            ("jobs.b.inputs[1]", "`socket` is not a regular file"),
        ]
    );
}

#[test]
fn outputs_that_exist_do_not_change_the_inputs() {
    let graph =
        "[jobs.a]\noutputs = [\"build/x.o\"]\n[jobs.b]\nneeds = [\"a\"]\ninputs = [\"**/*\"]\n";
    let (folder, file) = folder(graph, &[("build/keep", "")]);
    let before = read(&file).graph;
    fs::write(folder.path().join("build/x.o"), "object").unwrap();
    let after = read(&file).graph;
    assert_eq!(before.jobs[1].inputs, after.jobs[1].inputs);
}

#[test]
fn a_great_tangle_is_read_without_recursion_and_with_little_work() {
    // A chain of 20,000 written backwards, all naming the same two files.
    let mut graph = String::from("[jobs]\n");
    for job in 0..20_000 {
        let _ = writeln!(
            graph,
            "j{job} = {{ needs = [\"j{}\"], inputs = [\"src/*.c\"], run.argv = [\"true\"] }}",
            job + 1
        );
    }
    graph.push_str("j20000 = {}\n");
    let (_folder, file) = folder(&graph, &[("src/a.c", "a"), ("src/b.c", "b")]);
    let mut tree = tree::Tree::default();
    let reading = read_with(&mut tree, &file);
    assert!(reading.problems.is_empty(), "{}", reading.problems);
    assert_eq!((tree.listed, tree.read), (1, 2));
    let jobs = &reading.graph.jobs;
    assert_eq!((&*jobs[0].name, &*jobs[20_000].name), ("j20000", "j0"));
    assert!(std::sync::Arc::ptr_eq(
        &jobs[1].inputs[0],
        &jobs[20_000].inputs[0]
    ));
    assert_ordered(&reading.graph);
}

#[test]
fn many_mistakes_are_all_reported() {
    let mut graph = String::from("[jobs]\n");
    for job in 0..5_000 {
        let _ = writeln!(
            graph,
            "job{job} = {{ needs = [\"jbo{job}\"], retries = -{job} }}"
        );
    }
    let (_folder, file) = folder(&graph, &[]);
    // `-0` is zero.
    assert_eq!(read(&file).problems.len(), 9_999);
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

#[test]
fn the_examples_have_no_problems() {
    for (file, jobs) in [
        ("hello.toml", 4),
        ("diamond.toml", 4),
        ("flaky.toml", 2),
        ("c-build/graph.toml", 18),
    ] {
        let reading = read(&examples().join(file));
        assert!(reading.problems.is_empty(), "{}", reading.problems);
        assert_eq!(reading.graph.jobs.len(), jobs, "{file}");
    }
}

/// The file and all that it includes, relative to the example.
fn included(root: &Path, file: &str, all: &mut std::collections::BTreeSet<String>) {
    if !all.insert(file.to_owned()) {
        return;
    }
    let text = fs::read_to_string(root.join(file)).unwrap();
    let folder = file.split('/').next().unwrap();
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix("#include \"")
            .and_then(|rest| rest.strip_suffix('"'))
        {
            let name = match name.strip_prefix("../") {
                Some(from_root) => from_root.to_owned(),
                None => format!("{folder}/{name}"),
            };
            included(root, &name, all);
        }
    }
}

#[test]
fn the_c_example_names_exactly_the_files_that_the_compiler_reads() {
    let root = examples().join("c-build");
    let graph = read(&root.join("graph.toml")).graph;
    let compile: Vec<_> = graph
        .jobs
        .iter()
        .filter(|job| job.name.starts_with("compile/"))
        .collect();
    assert_eq!(compile.len(), 9);
    for job in compile {
        let source = job.run["argv"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|word| word.as_str());
        let source = source.clone().find(|word| word.ends_with(".c")).unwrap();
        let mut expected = std::collections::BTreeSet::new();
        included(&root, source, &mut expected);
        let inputs: Vec<_> = job.inputs.iter().map(|input| input.path.clone()).collect();
        assert_eq!(
            inputs,
            expected.into_iter().collect::<Vec<_>>(),
            "{}",
            job.name
        );
    }
}
