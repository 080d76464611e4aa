//! What the url of a server must be: scheme and host, nothing else.
//!
//! The rules U1 to U5 in their order; the first that is broken is told. They are strict, because what
//! the original did with anything else was to append to it.

use url::Url;

/// Checks a url of a configuration or of parameters.
///
/// # Errors
/// The first broken rule, as a text to be put behind the name of the field.
pub(crate) fn check(text: &str) -> Result<(), String> {
    const NOT_BARE: &str = "must be scheme://host only";
    if text.is_empty() {
        return Err("is required".to_owned());
    }
    if text.chars().any(char::is_uppercase) {
        return Err("must be lower-case".to_owned());
    }
    // The parser would drop some of these without a word.
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("is not a URL: it holds a space or a control character".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return Err("scheme must be http or https".to_owned());
    }
    let Some(host) = url.host_str() else {
        return Err(NOT_BARE.to_owned());
    };
    let bare = format!("{scheme}://{host}");
    let with_port = url.port_or_known_default();
    let with_port = with_port.map(|port| format!("{bare}:{port}"));
    if text == bare || with_port.is_some_and(|with_port| text == with_port) {
        return Ok(());
    }
    if !text.is_ascii() && host.contains("xn--") {
        return Err(format!("is not a URL: write the host in ASCII, `{host}`"));
    }
    Err(NOT_BARE.to_owned())
}

/// True if what is sent to this url leaves the machine in plain text. A malformed url counts as one.
pub(crate) fn is_exposed(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return true;
    };
    url.scheme() != "https" && !is_local(&url)
}

/// True if the url is of this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> String {
        check(text).expect_err(text)
    }

    #[test]
    fn what_is_scheme_and_host_is_accepted() {
        for text in [
            "https://chromium-swarm.appspot.com",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "https://host:443",
            "http://host:80",
            "https://[::1]:8443",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn u01_an_empty_url_is_required() {
        assert_eq!(refused(""), "is required");
    }

    #[test]
    fn u02_upper_case_is_told_before_anything_else() {
        for text in [
            "https://Host",
            "HTTP://host",
            "FTP://host/x",
            "Not a url",
            "https://Ü",
        ] {
            assert_eq!(refused(text), "must be lower-case", "{text}");
        }
    }

    #[test]
    fn u03_what_is_no_url_is_told_with_the_reason() {
        for text in [
            "host",
            "https://",
            "https://host:99999",
            "://host",
            "https://a b",
            "https://[::1",
        ] {
            let reason = refused(text);
            assert!(reason.starts_with("is not a URL: "), "{text}: {reason}");
        }
        for text in [
            "https://host\n",
            "ht\ttp://host",
            "https://host\0",
            " https://host",
        ] {
            let expected = "is not a URL: it holds a space or a control character";
            assert_eq!(refused(text), expected, "{text:?}");
        }
        assert_eq!(
            refused("https://bücher.example"),
            "is not a URL: write the host in ASCII, `xn--bcher-kva.example`"
        );
    }

    #[test]
    fn u04_other_schemes_are_refused() {
        for text in ["ftp://host", "file:///x", "host:8080", "wss://host/"] {
            assert_eq!(refused(text), "scheme must be http or https", "{text}");
        }
    }

    #[test]
    fn u05_anything_after_the_host_is_refused() {
        for text in [
            "https://host/",
            "https://host/path",
            "https://host?q",
            "https://host#f",
            "https://user@host",
            "https://:secret@host",
            "https://host:",
            "https:host",
            "https:/host",
            "https:\\\\host",
            "https://host\\x",
            "http://0x7f.1",
        ] {
            assert_eq!(refused(text), "must be scheme://host only", "{text}");
        }
    }

    #[test]
    fn plain_text_may_only_stay_on_this_machine() {
        for text in [
            "https://host",
            "http://localhost:1",
            "http://127.9.9.9",
            "http://[::1]:2",
        ] {
            assert!(!is_exposed(text), "{text}");
        }
        for text in [
            "http://host",
            "http://10.0.0.1",
            "http://localhost.example",
            "",
            "x",
        ] {
            assert!(is_exposed(text), "{text}");
        }
    }
}
