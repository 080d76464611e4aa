//! What the guard lets through.

use distributor_api::Code;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Uri};

use super::{bearer, check};

fn host(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(HOST, HeaderValue::from_str(value).unwrap())])
}

fn code(headers: &HeaderMap, uri: &str) -> Option<Code> {
    let uri: Uri = uri.parse().unwrap();
    check(headers, &uri, true).err().map(|status| status.code)
}

#[test]
fn loopback_hosts_pass_with_any_port_and_none() {
    for good in [
        "localhost",
        "LocalHost:8080",
        "127.0.0.1",
        "127.255.0.9:1",
        "[::1]",
        "[::1]:65535",
        "[::ffff:127.0.0.1]:80",
    ] {
        assert_eq!(code(&host(good), "/dm.Deps/WalkGraph"), None, "{good}");
        let uri = format!("http://{good}/dm.Deps/WalkGraph");
        assert_eq!(code(&HeaderMap::new(), &uri), None, "{good}");
    }
}

#[test]
fn other_hosts_are_refused_in_the_header_and_in_the_uri() {
    for bad in [
        "evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[2001:db8::1]:80",
        "0x7f.1",
        "",
        " ",
        "a b",
    ] {
        let denied = Some(Code::PermissionDenied);
        assert_eq!(code(&host(bad), "/dm.Deps/WalkGraph"), denied, "{bad}");
    }
    let denied = Some(Code::PermissionDenied);
    assert_eq!(code(&HeaderMap::new(), "http://evil.example/x"), denied);
    assert_eq!(code(&host("localhost"), "http://evil.example/x"), denied);
    let mut two = host("localhost");
    two.append(HOST, HeaderValue::from_static("evil.example"));
    assert_eq!(code(&two, "/x"), denied);
    assert_eq!(code(&HeaderMap::new(), "/x"), denied);
}

#[test]
fn web_pages_are_refused_whatever_their_origin() {
    for origin in ["https://evil.example", "http://localhost:8080", "null"] {
        let mut headers = host("localhost");
        headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        assert_eq!(code(&headers, "/x"), Some(Code::PermissionDenied));
    }
}

#[test]
fn nothing_is_asked_where_tokens_are() {
    let mut headers = host("service.example");
    headers.insert(ORIGIN, HeaderValue::from_static("https://page.example"));
    assert_eq!(check(&headers, &Uri::from_static("/x"), false), Ok(()));
}

#[test]
fn a_bearer_token_is_found_or_refused() {
    let header = |value: &str| {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    };
    assert_eq!(bearer(&HeaderMap::new()), Ok(None));
    assert_eq!(bearer(&header("Bearer abc")), Ok(Some("abc")));
    assert_eq!(bearer(&header("bearer  abc ")), Ok(Some("abc")));
    for bad in ["", "abc", "Bearer", "Bearer ", "Basic YTpi", "Bearer\u{e9}"] {
        let status = bearer(&header(bad)).unwrap_err();
        assert_eq!(status.code, Code::Unauthenticated, "{bad}");
        assert!(!status.message.contains("YTpi"));
    }
    let mut two = header("Bearer abc");
    two.append(AUTHORIZATION, HeaderValue::from_static("Bearer def"));
    assert_eq!(bearer(&two).unwrap_err().code, Code::Unauthenticated);
}
