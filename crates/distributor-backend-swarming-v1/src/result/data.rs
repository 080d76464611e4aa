//! The data of a task that ran to its end, as JSON: what the next execution can be given again.

use std::collections::BTreeMap;

use crate::parameters;
use crate::proto::{self, CipdPackage, CipdSpec, IsolatedRef};
use crate::proto_json;
use crate::wire;

/// The object.
pub(super) fn object(
    task: &wire::TaskResult,
    exit_code: i64,
    snapshot_dimensions: &[String],
) -> Result<String, String> {
    proto_json::write(&proto::Result {
        exit_code,
        isolated_outdir: task.cas_output_root.as_ref().and_then(tree),
        cipd_pins: task.cipd_pins.as_ref().and_then(pins),
        snapshot_dimensions: snapshot(&task.bot_dimensions, snapshot_dimensions),
    })
}

fn tree(root: &wire::CasReference) -> Option<IsolatedRef> {
    if root.digest.hash.is_empty() {
        return None;
    }
    Some(IsolatedRef {
        id: format!(
            "{}/{}",
            root.digest.hash,
            root.digest.size_bytes.unwrap_or(0)
        ),
        server: root.cas_instance.clone(),
    })
}

fn pins(pins: &wire::CipdPins) -> Option<CipdSpec> {
    let mut by_path: BTreeMap<String, proto::CipdPackages> = BTreeMap::new();
    for pin in &pins.packages {
        let folder = match pin.path.as_str() {
            parameters::ROOT => String::new(),
            folder => folder.to_owned(),
        };
        by_path.entry(folder).or_default().pkg.push(package(pin));
    }
    for packages in by_path.values_mut() {
        packages.pkg.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let client = pins.client_package.as_ref().map(package);
    let is_empty = client.is_none() && by_path.is_empty();
    (!is_empty).then_some(CipdSpec {
        server: String::new(),
        client,
        by_path,
    })
}

fn package(pin: &wire::CipdPackage) -> CipdPackage {
    CipdPackage {
        name: pin.package_name.clone(),
        version: pin.version.clone(),
    }
}

/// The last value of each wanted dimension that the bot has: its values are sorted, the most specific
/// one last.
fn snapshot(dimensions: &[wire::StringListPair], wanted: &[String]) -> BTreeMap<String, String> {
    let has: BTreeMap<&str, &String> = dimensions
        .iter()
        .filter_map(|dimension| Some((dimension.key.as_str(), dimension.value.last()?)))
        .collect();
    wanted
        .iter()
        .filter_map(|key| Some((key.clone(), (*has.get(key.as_str())?).clone())))
        .collect()
}
