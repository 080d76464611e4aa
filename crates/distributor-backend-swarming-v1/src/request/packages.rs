//! Which packages a task gets: those that the previous execution had, else those of the parameters.

use crate::parameters;
use crate::proto;
use crate::wire::{CipdInput, CipdPackage};

/// The packages, sorted by folder and name; nothing if there are none, because Swarming refuses an
/// empty list.
pub(super) fn input(
    wanted: Option<&proto::CipdSpec>,
    pins: Option<proto::CipdSpec>,
) -> Option<CipdInput> {
    let pinned = pins.as_ref().map(packages).filter(|pins| !pins.is_empty());
    let packages = match pinned {
        Some(pinned) => pinned,
        None => packages(wanted?),
    };
    if packages.is_empty() {
        return None;
    }
    let pinned_client = pins.and_then(|pins| pins.client);
    let client = pinned_client.or_else(|| wanted?.client.clone());
    let server = wanted.map(|wanted| wanted.server.clone());
    Some(CipdInput {
        server: server.filter(|server| !server.is_empty()),
        client_package: client.map(|client| package(String::new(), &client)),
        packages,
    })
}

fn packages(spec: &proto::CipdSpec) -> Vec<CipdPackage> {
    let mut all = Vec::new();
    for (name, packages) in &spec.by_path {
        let folder = parameters::folder(name);
        all.extend(
            packages
                .pkg
                .iter()
                .map(|one| package(folder.to_owned(), one)),
        );
    }
    all.sort();
    all
}

fn package(path: String, package: &proto::CipdPackage) -> CipdPackage {
    CipdPackage {
        path,
        package_name: package.name.clone(),
        version: package.version.clone(),
    }
}
