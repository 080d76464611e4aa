//! Where the binary is: built with the profile and into the target directory of the tests themselves.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The program as it is by default, and one with all features, which has the fake farm.
///
/// `cargo test` of this package alone builds neither, so the first caller does; when they are fresh that
/// takes a moment only. Both have the same name where cargo puts them, hence the copy.
fn programs() -> &'static (PathBuf, PathBuf) {
    static PATHS: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    PATHS.get_or_init(|| {
        let package = ["--package", "distributor"];
        let built = build(&[package.as_slice(), &["--all-features"]].concat()).join("distributor");
        let all = built.with_file_name("distributor-with-all-features");
        std::fs::copy(&built, &all).expect("the program can be copied");
        (build(&package).join("distributor"), all)
    })
}

/// The program under test.
pub(crate) fn distributor() -> &'static Path {
    &programs().0
}

/// The same with all features.
pub(crate) fn with_all_features() -> &'static Path {
    &programs().1
}

/// The program, without the environment's own settings and with nothing to read.
pub(crate) fn program() -> Command {
    without_settings(distributor())
}

/// This program, like that.
pub(crate) fn without_settings(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("DISTRIBUTOR_") {
            command.env_remove(name);
        }
    }
    command
}

/// An example of `package`, built like the program.
pub fn example(package: &str, name: &str) -> PathBuf {
    let folder = build(&["--package", package, "--example", name]);
    folder.join("examples").join(name)
}

/// Builds, and gives the folder of the profile.
fn build(what: &[&str]) -> PathBuf {
    let test = env::current_exe().expect("the test has a file");
    // target/PROFILE/deps/end_to_end-HASH
    let profile_folder = test
        .parent()
        .and_then(Path::parent)
        .expect("the test is in a target directory");
    let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let target = profile_folder.parent().expect("a target directory");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile])
        .args(what)
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "{what:?} does not build");
    profile_folder.to_owned()
}
