//! `TaskProperties`: what is to be run.

use std::collections::BTreeSet;

use super::rules;
use super::{Fields, Refusal};
use crate::model::{Cache, CipdInput, CipdPackage, Digest, InputRoot, Properties, Secret};

/// Seven days, less an hour and a minute that the bot needs.
const LONGEST: i64 = 7 * 24 * 3600 - 3600 - 60;
const SHORTEST: i64 = 30;

pub(super) fn properties(mut fields: Fields<'_>) -> Result<Properties, Refusal> {
    let command = fields.texts("command", 128)?;
    if command.is_empty() {
        return Err(fields.refuse("command", "is required"));
    }
    let dimensions = dimensions(&mut fields)?;
    let env = environment(&mut fields)?;
    let env_prefixes = prefixes(&mut fields)?;
    let caches = caches(&mut fields)?;
    let cipd = match fields.object("cipd_input")? {
        Some(input) => Some(cipd_input(input)?),
        None => None,
    };
    let input_root = match fields.object("cas_input_root")? {
        Some(root) => Some(input_root(root)?),
        None => None,
    };
    if let Some(cipd) = &cipd {
        let mut packages = cipd.packages.iter();
        let cached = |package: &&CipdPackage| {
            caches
                .iter()
                .any(|cache| Some(&cache.path) == package.path.as_ref())
        };
        if let Some(package) = packages.find(cached) {
            let path = package.path.as_deref().unwrap_or_default();
            return Err(fields.refuse("cipd_input", format_args!("{path:?} is a cache's path")));
        }
    }
    let outputs = fields.texts("outputs", 4096)?;
    for (number, output) in outputs.iter().enumerate() {
        check_path(&fields, &format!("outputs[{number}]"), output)?;
    }
    let relative_cwd = fields.text("relative_cwd")?.filter(|cwd| !cwd.is_empty());
    if let Some(cwd) = &relative_cwd {
        check_path(&fields, "relative_cwd", cwd)?;
    }
    let idempotent = fields.flag("idempotent")?;
    let pinned = |cipd: &CipdInput| {
        let mut packages = cipd.packages.iter();
        packages
            .all(|package| rules::is_instance_id(&package.version) || package.version.contains(':'))
    };
    if idempotent && !cipd.as_ref().is_none_or(pinned) {
        let problem = "an idempotent task's packages must be pinned by tag or instance id";
        return Err(fields.refuse("cipd_input", problem));
    }
    let timeout = fields.int_in("execution_timeout_secs", SHORTEST, LONGEST)?;
    let Some(execution_timeout_secs) = timeout else {
        return Err(fields.refuse("execution_timeout_secs", "is required"));
    };
    let grace_period_secs = fields.int_in("grace_period_secs", 0, 3600)?.unwrap_or(30);
    let io_timeout_secs = match fields.int("io_timeout_secs")? {
        None | Some(0) => 0,
        Some(_) => fields
            .int_in("io_timeout_secs", SHORTEST, LONGEST)?
            .unwrap_or(0),
    };
    if let Some(mut containment) = fields.object("containment")? {
        let types = ["NOT_SPECIFIED", "NONE", "AUTO", "JOB_OBJECT"];
        containment.choice("containment_type", &types)?;
        containment.flag("lower_priority")?;
        containment.int_in("limit_processes", 0, i64::MAX)?;
        containment.int_in("limit_total_committed_memory", 0, i64::MAX)?;
        containment.finish()?;
    }
    let secret_bytes = fields.bytes("secret_bytes", 20 * 1024)?.map(Secret::new);
    fields.finish()?;
    Ok(Properties {
        command,
        dimensions,
        env,
        env_prefixes,
        cipd,
        input_root,
        caches,
        outputs,
        relative_cwd,
        execution_timeout_secs,
        grace_period_secs,
        io_timeout_secs,
        idempotent,
        secret_bytes,
    })
}

fn check_path(fields: &Fields<'_>, name: &str, path: &str) -> Result<(), Refusal> {
    match rules::path_problem(path) {
        None => Ok(()),
        Some(problem) => Err(fields.refuse(name, format_args!("{problem}, got {path:?}"))),
    }
}

fn dimensions(fields: &mut Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let mut all = Vec::new();
    let mut keys = BTreeSet::new();
    // How many ways there are to satisfy it.
    let mut ways: usize = 1;
    for mut pair in fields.objects("dimensions", 4096)? {
        let key = pair.required("key")?;
        let value = pair.required("value")?;
        if key.len() > 64 || !rules::is_dimension_key(&key) {
            let problem = "must be at most 64 of a-z A-Z 0-9 - _ . and begin with no digit";
            return Err(pair.refuse("key", format_args!("{problem}, got {key:?}")));
        }
        if value.len() > 256 {
            return Err(pair.refuse("value", "must be at most 256 characters"));
        }
        if value
            .split('|')
            .any(|one| one.is_empty() || one.trim() != one)
        {
            let problem = "must have no space at its ends and nothing empty around |";
            return Err(pair.refuse("value", format_args!("{problem}, got {value:?}")));
        }
        let is_new = keys.insert(key.clone());
        if !is_new && matches!(key.as_str(), "pool" | "id") {
            return Err(pair.refuse("key", format_args!("{key} can be given once")));
        }
        if key == "pool" && value.contains('|') {
            return Err(pair.refuse("value", "pool must be a single one"));
        }
        ways = ways.saturating_mul(value.split('|').count());
        pair.finish()?;
        let entry = (key, value);
        if all.contains(&entry) {
            let (key, value) = entry;
            return Err(fields.refuse("dimensions", format_args!("{key}:{value} comes twice")));
        }
        all.push(entry);
    }
    if keys.len() > 32 {
        let count = keys.len();
        return Err(fields.refuse(
            "dimensions",
            format_args!("must have at most 32 keys, got {count}"),
        ));
    }
    if ways > 8 {
        let problem = format_args!("may be satisfied in at most 8 ways, got {ways}");
        return Err(fields.refuse("dimensions", problem));
    }
    if !keys.contains("pool") {
        return Err(fields.refuse("dimensions", "pool is required"));
    }
    Ok(all)
}

fn check_variable(
    fields: &Fields<'_>,
    key: &str,
    seen: &mut BTreeSet<String>,
) -> Result<(), Refusal> {
    if key.len() > 64 || !rules::is_variable(key) {
        let problem = "must be a variable's name of at most 64 characters";
        return Err(fields.refuse("key", format_args!("{problem}, got {key:?}")));
    }
    match seen.insert(key.to_owned()) {
        true => Ok(()),
        false => Err(fields.refuse("key", format_args!("{key} comes twice"))),
    }
}

fn environment(fields: &mut Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for mut pair in fields.objects("env", 64)? {
        let key = pair.text("key")?.unwrap_or_default();
        check_variable(&pair, &key, &mut seen)?;
        let value = pair.text("value")?.unwrap_or_default();
        if value.len() > 1024 {
            return Err(pair.refuse("value", "must be at most 1024 characters"));
        }
        pair.finish()?;
        all.push((key, value));
    }
    Ok(all)
}

fn prefixes(fields: &mut Fields<'_>) -> Result<Vec<(String, Vec<String>)>, Refusal> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for mut pair in fields.objects("env_prefixes", 64)? {
        let key = pair.text("key")?.unwrap_or_default();
        check_variable(&pair, &key, &mut seen)?;
        let paths = pair.texts("value", 1024)?;
        if paths.is_empty() {
            return Err(pair.refuse("value", "must not be empty"));
        }
        for (number, path) in paths.iter().enumerate() {
            check_path(&pair, &format!("value[{number}]"), path)?;
        }
        pair.finish()?;
        all.push((key, paths));
    }
    Ok(all)
}

fn caches(fields: &mut Fields<'_>) -> Result<Vec<Cache>, Refusal> {
    let mut names = BTreeSet::new();
    let mut paths = BTreeSet::new();
    let mut all = Vec::new();
    for mut entry in fields.objects("caches", 64)? {
        let name = entry.text("name")?.unwrap_or_default();
        let path = entry.text("path")?.unwrap_or_default();
        if !rules::is_cache_name(&name) {
            return Err(entry.refuse("name", format_args!("must be of a-z 0-9 _, got {name:?}")));
        }
        check_path(&entry, "path", &path)?;
        if !names.insert(name.clone()) || !paths.insert(path.clone()) {
            return Err(entry.refuse("name", "a name or path comes twice"));
        }
        entry.finish()?;
        all.push(Cache { name, path });
    }
    Ok(all)
}

fn cipd_input(mut fields: Fields<'_>) -> Result<CipdInput, Refusal> {
    let server = fields.text("server")?.filter(|server| !server.is_empty());
    if let Some(server) = &server
        && !rules::is_server(server)
    {
        return Err(fields.refuse(
            "server",
            format_args!("must be http(s)://HOST, got {server:?}"),
        ));
    }
    let client = match fields.object("client_package")? {
        Some(client) => Some(package(client, false)?),
        None => None,
    };
    let mut packages = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in fields.objects("packages", 64)? {
        let at = entry.path("package_name");
        let package = package(entry, true)?;
        if !seen.insert((package.path.clone(), package.name.clone())) {
            return Err(Refusal::new(&at, "comes twice in one path"));
        }
        packages.push(package);
    }
    if packages.is_empty() {
        return Err(fields.refuse("packages", "must not be empty"));
    }
    fields.finish()?;
    Ok(CipdInput {
        server,
        client,
        packages,
    })
}

fn package(mut fields: Fields<'_>, has_path: bool) -> Result<CipdPackage, Refusal> {
    let name = fields.required("package_name")?;
    let version = fields.required("version")?;
    if !rules::is_package_name(&name) {
        return Err(fields.refuse("package_name", format_args!("is no package name: {name:?}")));
    }
    if !rules::is_package_version(&version) {
        let problem = format_args!("is no instance id, tag or reference: {version:?}");
        return Err(fields.refuse("version", problem));
    }
    let path = fields.text("path")?;
    let path = match (has_path, path) {
        (true, path) => {
            let path = path.unwrap_or_default();
            check_path(&fields, "path", &path)?;
            Some(path)
        }
        (false, Some(path)) if !path.is_empty() => {
            return Err(fields.refuse("path", "must not be given for the client"));
        }
        (false, _) => None,
    };
    fields.finish()?;
    Ok(CipdPackage {
        path,
        name,
        version,
    })
}

fn input_root(mut fields: Fields<'_>) -> Result<InputRoot, Refusal> {
    let instance = fields.required("cas_instance")?;
    if !rules::is_cas_instance(&instance) {
        let problem = format_args!("must be projects/P/instances/I, got {instance:?}");
        return Err(fields.refuse("cas_instance", problem));
    }
    let Some(mut digest) = fields.object("digest")? else {
        return Err(fields.refuse("digest", "is required"));
    };
    let hash = digest.required("hash")?;
    let lower = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if hash.len() != 64 || !hash.bytes().all(lower) {
        return Err(digest.refuse(
            "hash",
            format_args!("must be SHA-256 in hexadecimal, got {hash:?}"),
        ));
    }
    let Some(size) = digest.int_in("size_bytes", 0, i64::MAX)? else {
        return Err(digest.refuse("size_bytes", "is required"));
    };
    digest.finish()?;
    fields.finish()?;
    Ok(InputRoot {
        instance,
        digest: Digest { hash, size },
    })
}
