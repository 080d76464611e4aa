//! A folder is loaded, changes, and is looked at again.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use distributor_api::{Access, Caller, Code, Identity, Templates};
use distributor_core::{ConfigSnapshot, DistributorSource, LiveRegistry, Registry, SystemClock};
use distributor_host::{Entrance, Surroundings};
use tempfile::TempDir;

use super::watch::Look;
use super::{Files, Loader, Location, Targets, Watch};

/// A watched folder.
struct World {
    folder: TempDir,
    targets: Targets,
    watch: Watch,
    _entrance: Entrance,
}

const NOOP: &str = r#"distributor_configs { key: "a" value { noop {} } }"#;
const WRITERS: &str = r#"writers: "builders""#;

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let location = Location::Directory(folder.path().to_owned());
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic: None,
        };
        let entrance = Entrance::new(Arc::new(SystemClock), surroundings);
        let registry = Arc::new(Registry::linked().unwrap());
        let loader = Loader {
            registry: registry.clone(),
            host: entrance.host(),
            dm_host: "dm.example.com".to_owned(),
        };
        let files = Files::read(&location).unwrap();
        let (loaded, findings) = loader.load(&files);
        assert!(findings.is_empty(), "{findings}");
        let distributors = loaded.distributors.clone();
        let backends = LiveRegistry::new(registry, distributors, entrance.host(), "dm.example.com");
        let targets = Targets {
            backends: Arc::new(backends),
            access: Arc::new(Access::nobody()),
            templates: Arc::new(Templates::default()),
        };
        let authenticated = files.has_acls();
        targets.take(loaded, authenticated);
        World {
            watch: Watch::new(location, files, loader, targets.clone(), authenticated),
            folder,
            targets,
            _entrance: entrance,
        }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// Two looks, which is what a change takes.
    fn look(&mut self) -> Look {
        let mut seen = None;
        match self.watch.look(&mut seen) {
            Look::Unsettled => self.watch.look(&mut seen),
            look => look,
        }
    }

    fn snapshot(&self, name: &str) -> Arc<ConfigSnapshot> {
        self.targets.backends.snapshot(name).unwrap()
    }

    fn may_write(&self) -> Result<(), Code> {
        let caller = Caller::Named(Identity {
            name: "somebody".to_owned(),
            groups: vec!["builders".to_owned()],
        });
        let checked = self.targets.access.check_writer(&caller);
        checked.map_err(|status| status.code)
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn refused(look: Look) -> String {
    match look {
        Look::Refused(problems) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dc_14_the_version_is_the_digest_of_the_content_unless_a_file_names_it() {
    let mut world = World::new(&[("distributors.cfg", NOOP)]);
    let digest = world.snapshot("a").version.clone();
    assert_eq!(digest.len(), 16);
    world.write("revision", "release 17\n");
    assert_eq!(world.look(), Look::Taken("release 17".to_owned()));
    assert_eq!(world.snapshot("a").version, "release 17");
    fs::remove_file(world.folder.path().join("revision")).unwrap();
    assert_eq!(world.look(), Look::Taken(digest));
}

#[test]
fn dc_02_a_change_is_in_force_for_whatever_starts_afterwards() {
    let mut world = World::new(&[("distributors.cfg", NOOP)]);
    let before = world.snapshot("a");
    world.write(
        "distributors.cfg",
        r#"distributor_configs { key: "a" value { noop { delay { seconds: 1 } } } }"#,
    );
    assert!(matches!(world.look(), Look::Taken(_)));
    let after = world.snapshot("a");
    assert_ne!(before.content, after.content);
    assert_ne!(before.version, after.version);
    assert_eq!(world.look(), Look::Unchanged);
}

#[test]
fn a_change_counts_when_two_looks_have_seen_the_same() {
    let mut world = World::new(&[("distributors.cfg", NOOP)]);
    let mut seen = None;
    world.write("distributors.cfg", "distributor_configs { key: \"a\" va");
    assert_eq!(world.watch.look(&mut seen), Look::Unsettled);
    world.write("distributors.cfg", &NOOP.replace("\"a\"", "\"b\""));
    assert_eq!(world.watch.look(&mut seen), Look::Unsettled);
    assert!(matches!(world.watch.look(&mut seen), Look::Taken(_)));
    assert_eq!(world.snapshot("b").name, "b");
}

#[test]
fn a_bad_version_is_refused_as_a_whole_and_the_good_one_stays() {
    let mut world = World::new(&[("distributors.cfg", NOOP), ("acls.cfg", WRITERS)]);
    let before = world.snapshot("a");
    world.write("distributors.cfg", &NOOP.replace("\"a\"", "\"b\""));
    world.write("acls.cfg", "writers: \"others\"\nwriter: 1");
    let problems = refused(world.look());
    assert!(problems.contains("acls.cfg:2:1"), "{problems}");
    assert_eq!(world.snapshot("a"), before);
    assert_eq!(world.may_write(), Ok(()));
    // It is told once, not every second.
    assert_eq!(world.look(), Look::Unchanged);
    world.write("acls.cfg", "writers: \"others\"");
    assert!(matches!(world.look(), Look::Taken(_)));
    assert_eq!(world.may_write(), Err(Code::PermissionDenied));
}

#[test]
fn every_problem_is_named_with_its_place() {
    let mut world = World::new(&[("distributors.cfg", NOOP)]);
    world.write(
        "distributors.cfg",
        "distributor_configs { key: \"x\" value { alias { other_config: \"no\" } } }",
    );
    world.write("projects/p/dm/quest_templates.cfg", "template {");
    world.write("revision", "");
    let problems = refused(world.look());
    for part in ["distributors.cfg:1:", "quest_templates.cfg", "revision"] {
        assert!(problems.contains(part), "{part} is not in: {problems}");
    }
}

#[test]
fn an_access_file_that_goes_away_shuts_everybody_out() {
    let mut world = World::new(&[("distributors.cfg", NOOP), ("acls.cfg", WRITERS)]);
    assert_eq!(world.may_write(), Ok(()));
    fs::remove_file(world.folder.path().join("acls.cfg")).unwrap();
    assert!(matches!(world.look(), Look::Taken(_)));
    assert_eq!(world.may_write(), Err(Code::Unavailable));
    world.write("acls.cfg", WRITERS);
    assert!(matches!(world.look(), Look::Taken(_)));
    assert_eq!(world.may_write(), Ok(()));
}

#[test]
fn a_folder_that_cannot_be_read_for_a_moment_changes_nothing() {
    let mut world = World::new(&[("distributors.cfg", NOOP)]);
    let path = world.folder.path().join("distributors.cfg");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let problems = refused(world.look());
    assert!(problems.contains("not a file"), "{problems}");
    assert_eq!(world.snapshot("a").name, "a");
    fs::remove_dir(&path).unwrap();
    world.write("distributors.cfg", NOOP);
    assert!(matches!(world.look(), Look::Taken(_)));
}

#[test]
fn a_start_with_one_bad_entry_serves_the_good_ones() {
    let world = World::new(&[("distributors.cfg", NOOP)]);
    let text = format!("{NOOP}\ndistributor_configs {{ key: \"bad\" value {{}} }}");
    world.write("distributors.cfg", &text);
    let location = Location::Directory(world.folder.path().to_owned());
    let files = Files::read(&location).unwrap();
    let (loaded, findings) = world.watch.loader().load(&files);
    assert_eq!(findings.problems.len(), 1, "{findings}");
    assert!(!loaded.is_unusable(&files));
    world.write("distributors.cfg", "distributor_configs {");
    let files = Files::read(&location).unwrap();
    let (loaded, _) = world.watch.loader().load(&files);
    assert!(loaded.is_unusable(&files));
    world.write("distributors.cfg", NOOP);
    world.write("acls.cfg", "writers: 1");
    let files = Files::read(&location).unwrap();
    let (loaded, _) = world.watch.loader().load(&files);
    assert!(loaded.is_unusable(&files), "nobody knows who may do what");
}
