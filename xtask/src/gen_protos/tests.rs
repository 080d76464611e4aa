//! Generation and check mode on small workspaces in temporary folders.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use prost_types::FileDescriptorSet;
use protox::prost::Message as _;
use tempfile::TempDir;

use super::{Arguments, run};

/// A workspace of two crates, the second of which uses a message of the first.
const FILES: &[(&str, &str)] = &[
    (
        "crates/base/Cargo.toml",
        "[package]\n\
         name = \"base\"\n\
         [package.metadata.protos]\n\
         files = [\"base/thing.proto\", \"base/deep/other.proto\"]\n",
    ),
    (
        "crates/user/Cargo.toml",
        "[package]\n\
         name = \"user\"\n\
         [package.metadata.protos]\n\
         files = [\"user.proto\"]\n\
         extern = { \".base\" = \"::base::base\" }\n",
    ),
    ("crates/other/Cargo.toml", "[package]\nname = \"other\"\n"),
    (
        "protos/base/thing.proto",
        "syntax = \"proto3\";\n\
         package base;\n\
         import \"google/protobuf/duration.proto\";\n\
         // A thing.\n\
         message Thing {\n\
           map<string, google.protobuf.Duration> times = 1;\n\
         }\n",
    ),
    (
        "protos/base/deep/other.proto",
        "syntax = \"proto3\";\npackage base.deep;\nmessage Other {}\n",
    ),
    (
        "protos/user.proto",
        "syntax = \"proto3\";\n\
         package user;\n\
         import \"base/thing.proto\";\n\
         message User { base.Thing thing = 1; }\n",
    ),
];

struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        let workspace = Workspace(TempDir::new().expect("a temporary folder"));
        for (path, content) in FILES {
            workspace.write(path, content);
        }
        workspace
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.root().join(path);
        let folder = path.parent().expect("paths have a folder");
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
    }

    /// Replaces `from`, which must be there, in a file.
    fn edit(&self, path: &str, from: &str, to: &str) {
        let content = self.read(path);
        assert!(content.contains(from), "{from} is in {path}");
        self.write(path, &content.replace(from, to));
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).expect("the file can be read")
    }

    fn generate(&self) -> Result<(), String> {
        self.run(false)
    }

    fn check(&self) -> Result<(), String> {
        self.run(true)
    }

    fn run(&self, check: bool) -> Result<(), String> {
        run(self.root(), &Arguments { check }).map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn what_was_generated_is_up_to_date() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    assert_eq!(workspace.check(), Ok(()));
    let without_section = workspace.root().join("crates/other/src");
    assert!(!without_section.exists());
}

#[test]
fn check_lists_every_difference_and_the_command_and_writes_nothing() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    let stale = "crates/base/src/generated/base.rs";
    let missing = "crates/user/src/generated/mod.rs";
    let extra = "crates/user/src/generated/old.rs";
    workspace.edit(stale, "Thing", "Thong");
    fs::remove_file(workspace.root().join(missing)).expect("the file can be removed");
    workspace.write(extra, "");

    let expected = format!(
        "generated files are not up to date:\n  stale: {stale}\n  missing: {missing}\n  extra: {extra}\nrun: cargo xtask gen-protos"
    );
    assert_eq!(workspace.check(), Err(expected.clone()));
    assert_eq!(workspace.check(), Err(expected));

    assert_eq!(workspace.generate(), Ok(()));
    assert_eq!(workspace.check(), Ok(()));
    assert!(!workspace.root().join(extra).exists());
}

#[test]
fn a_changed_proto_is_noticed() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    workspace.edit("protos/base/deep/other.proto", "Other", "Another");
    let message = workspace.check().expect_err("the files are stale");
    assert!(message.contains("crates/base/src/generated/base.deep.rs"));
    assert!(message.contains("crates/base/src/generated/descriptor_set.binpb"));
    assert!(!message.contains("crates/user"));
}

#[test]
fn unchanged_files_are_not_written() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    let path = workspace.root().join("crates/base/src/generated/base.rs");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = fs::File::options().append(true).open(&path);
    file.and_then(|file| file.set_modified(long_ago))
        .expect("the time can be set");
    assert_eq!(workspace.generate(), Ok(()));
    let modified = fs::metadata(&path).and_then(|it| it.modified());
    assert_eq!(modified.ok(), Some(long_ago));
}

#[test]
fn modules_are_nested_as_packages_are() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    let root = workspace.read("crates/base/src/generated/mod.rs");
    let (head, modules) = root.split_at(root.find("/// Proto package").unwrap_or(0));
    assert!(
        head.starts_with(
            "// @generated by `cargo xtask gen-protos` from protos/; do not edit.\n//! "
        )
    );
    assert_eq!(
        modules,
        "/// Proto package `base`.\n\
         pub mod base {\n    \
             include!(\"base.rs\");\n\
         \n    \
             /// Proto package `base.deep`.\n    \
             pub mod deep {\n        \
                 include!(\"base.deep.rs\");\n    \
             }\n\
         }\n"
    );
}

#[test]
fn code_names_its_sources_keeps_comments_and_orders_maps() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    let code = workspace.read("crates/base/src/generated/base.rs");
    assert!(code.starts_with(
        "// @generated by `cargo xtask gen-protos` from protos/base/thing.proto; do not edit.\n/// A thing.\n"
    ));
    assert!(code.contains("BTreeMap<"));

    workspace.edit(
        "crates/base/Cargo.toml",
        "files",
        "btree_map = false\nfiles",
    );
    assert_eq!(workspace.generate(), Ok(()));
    let code = workspace.read("crates/base/src/generated/base.rs");
    assert!(code.contains("HashMap<"));
}

#[test]
fn messages_of_other_crates_are_used_not_generated() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    let code = workspace.read("crates/user/src/generated/user.rs");
    assert!(code.contains("::base::base::Thing"));
    let foreign = workspace.root().join("crates/user/src/generated/base.rs");
    assert!(!foreign.exists());
}

#[test]
fn descriptors_include_imports_and_no_comments() {
    let workspace = Workspace::new();
    assert_eq!(workspace.generate(), Ok(()));
    let path = "crates/user/src/generated/descriptor_set.binpb";
    let bytes = fs::read(workspace.root().join(path)).expect("the file can be read");
    let set = FileDescriptorSet::decode(&bytes[..]).expect("the file decodes");
    let names: Vec<&str> = set.file.iter().map(|file| file.name()).collect();
    assert_eq!(
        names,
        [
            "google/protobuf/duration.proto",
            "base/thing.proto",
            "user.proto"
        ]
    );
    assert!(set.file.iter().all(|file| file.source_code_info.is_none()));
}

#[test]
fn mistakes_are_named() {
    let mistakes: &[(&str, &str, &str, &str)] = &[
        (
            "crates/base/Cargo.toml",
            ", \"base/deep/other.proto\"",
            "",
            "protos/base/deep/other.proto belongs to no crate: list it in [package.metadata.protos] of one Cargo.toml",
        ),
        (
            "crates/user/Cargo.toml",
            "[\"user.proto\"",
            "[\"user.proto\", \"base/thing.proto\"",
            "protos/base/thing.proto is listed twice: by base and by user",
        ),
        (
            "crates/user/Cargo.toml",
            "[\"user.proto\"",
            "[\"user.proto\", \"usr.proto\"",
            "user lists protos/usr.proto, which does not exist",
        ),
        (
            "crates/user/Cargo.toml",
            "extern = { \".base\" = \"::base::base\" }",
            "",
            "user imports protos/base/thing.proto, which it does not own: add `extern = { \".base\" = \"::the_crate::its_module\" }` to its [package.metadata.protos]",
        ),
        (
            "crates/user/Cargo.toml",
            "extern",
            "externs",
            "unknown field `externs`, expected one of `files`, `extern`, `btree_map`",
        ),
        (
            "protos/user.proto",
            "base.Thing",
            "base.Thong",
            "user.proto:4:16: 'base.Thong' resolves to 'base.Thong', which is not defined",
        ),
    ];
    for (path, from, to, expected) in mistakes {
        let workspace = Workspace::new();
        workspace.edit(path, from, to);
        let message = workspace.generate().expect_err("the mistake is noticed");
        assert!(message.contains(expected), "{message}");
    }
}
