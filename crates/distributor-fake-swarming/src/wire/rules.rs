//! The forms that names, paths and the like must have.

/// A variable's name.
pub(super) fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A dimension's key: begins with no digit.
pub(super) fn is_dimension_key(key: &str) -> bool {
    let mark = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    let mut bytes = key.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || mark(first))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
}

/// What is wrong with a path below the task's folder, if something is.
pub(super) fn path_problem(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("must not be empty; the root is \".\"");
    }
    if path.len() > 256 {
        return Some("must be at most 256 characters");
    }
    if path.contains('\\') {
        return Some("must not contain \\");
    }
    if path.starts_with('/') {
        return Some("must not start with /");
    }
    let normal = |part: &str| !matches!(part, "" | "." | "..");
    match path == "." || path.split('/').all(normal) {
        true => None,
        false => Some("must be normalized: no empty part, no . and no .."),
    }
}

/// A package's name, with what the installer fills in.
pub(super) fn is_package_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'-' | b'_' | b'.' | b'$' | b'{' | b'}' | b'=' | b',')
    };
    name.len() <= 1024
        && name.split('/').all(|part| {
            !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(allowed)
        })
        && name.matches("${").count() == name.matches('$').count()
        && name.matches("${").count() == name.matches('}').count()
}

/// An instance id, a tag or a reference.
pub(super) fn is_package_version(version: &str) -> bool {
    is_instance_id(version) || is_package_tag(version) || is_reference(version)
}

/// An instance id: it names the same files for ever.
pub(super) fn is_instance_id(version: &str) -> bool {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let sha1 = version.len() == 40
        && version
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
    sha1 || (version.len() == 44 && version.bytes().all(base64))
}

fn is_package_tag(version: &str) -> bool {
    let key = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    version.len() <= 400
        && version.split_once(':').is_some_and(|(name, value)| {
            !name.is_empty() && !value.is_empty() && name.bytes().all(key)
        })
}

fn is_reference(version: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = version.bytes();
    version.len() <= 256
        && bytes.next().is_some_and(lower)
        && bytes.all(|byte| lower(byte) || matches!(byte, b'-' | b'_' | b'.' | b'/'))
}

/// A cache's name.
pub(super) fn is_cache_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=4096).contains(&name.len()) && name.bytes().all(allowed)
}

/// `projects/P/instances/I`.
pub(super) fn is_cas_instance(instance: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let named = |name: &str| !name.is_empty() && name.bytes().all(allowed);
    instance
        .strip_prefix("projects/")
        .and_then(|rest| rest.split_once("/instances/"))
        .is_some_and(|(project, instance)| named(project) && named(instance))
}

/// `projects/P/topics/T`.
pub(crate) fn is_topic(topic: &str) -> bool {
    is_resource(topic, "/topics/")
}

/// `projects/P/subscriptions/S`.
pub(crate) fn is_subscription(name: &str) -> bool {
    is_resource(name, "/subscriptions/")
}

fn is_resource(name: &str, kind: &str) -> bool {
    let project = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-')
    };
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'%')
    };
    let named = |name: &str| {
        (3..=255).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && !name.starts_with("goog")
            && name.bytes().all(allowed)
    };
    name.strip_prefix("projects/")
        .and_then(|rest| rest.split_once(kind))
        .is_some_and(|(id, name)| !id.is_empty() && id.bytes().all(project) && named(name))
}

/// `none`, `bot` or an e-mail address.
pub(super) fn is_service_account(account: &str) -> bool {
    let name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'%');
    let host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    matches!(account, "none" | "bot")
        || account.split_once('@').is_some_and(|(user, domain)| {
            !user.is_empty()
                && !domain.is_empty()
                && user.bytes().all(name)
                && domain.bytes().all(host)
        })
}

/// `project:realm`.
pub(super) fn is_realm(realm: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'-' | b'_' | b'.' | b'/')
    };
    realm.split_once(':').is_some_and(|(project, name)| {
        let project_named = !project.is_empty() && project.bytes().all(allowed);
        project_named && !name.is_empty() && name.len() <= 400 && name.bytes().all(allowed)
    })
}

/// `http(s)://host[:port]`.
pub(super) fn is_server(server: &str) -> bool {
    let Ok(url) = url::Url::parse(server) else {
        return false;
    };
    matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.origin().ascii_serialization() == server
}

/// `k:v`, neither of them empty.
pub(super) fn is_tag(tag: &str) -> bool {
    tag.len() <= 1024
        && tag
            .split_once(':')
            .is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
}
