//! What every call must show before it is looked at, for all transports.
//!
//! It refuses to say who may do what: that is [`distributor_api::Access`].

use std::net::{Ipv4Addr, Ipv6Addr};

use distributor_api::{Caller, Code, Status};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

use crate::shared::Shared;

/// Where anybody may do everything (`open`), keeps web pages out: a page could drive the service
/// through its visitor's browser, directly or with a name that it lets point to this machine (DNS
/// rebinding). Where callers must show a token this allows all, because no page has one.
///
/// # Errors
/// `PermissionDenied` for a request with an `Origin`, and for one to a host that is not loopback.
pub(crate) fn check(headers: &HeaderMap, uri: &Uri, open: bool) -> Result<(), Status> {
    if !open {
        return Ok(());
    }
    if headers.contains_key(ORIGIN) {
        return Err(denied(
            "requests of web pages (with the header Origin) are refused where no token is needed",
        ));
    }
    let in_headers = headers
        .get_all(HOST)
        .iter()
        .map(|value| Authority::try_from(value.as_bytes()).ok());
    let in_uri = uri.authority().cloned().map(Some);
    let mut hosts = in_uri.into_iter().chain(in_headers).peekable();
    if hosts.peek().is_none() {
        return Err(denied("the request names no host; send the header Host"));
    }
    match hosts.all(|host| host.is_some_and(|host| is_loopback(host.host()))) {
        true => Ok(()),
        false => Err(denied(
            "the host must be localhost, 127.0.0.1 or [::1] where no token is needed",
        )),
    }
}

/// Who calls, by the header `Authorization`.
///
/// # Errors
/// `Unauthenticated` if it is not `Bearer TOKEN` or the token is not good; what
/// [`distributor_api::Callers`] says besides.
pub(crate) fn caller(shared: &Shared, headers: &HeaderMap) -> Result<Caller, Status> {
    shared.callers.identify(bearer(headers)?)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Status> {
    let malformed = || {
        let message = "the header Authorization must be given once, as `Bearer TOKEN`";
        Status::new(Code::Unauthenticated, message)
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed());
    }
    let value = value.to_str().map_err(|_| malformed())?;
    let (scheme, token) = value.trim().split_once(' ').ok_or_else(malformed)?;
    let token = token.trim();
    match scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        true => Ok(Some(token)),
        false => Err(malformed()),
    }
}

fn is_loopback(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match v6 {
        Some(address) => address
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.to_canonical().is_loopback()),
        None => {
            host.eq_ignore_ascii_case("localhost")
                || host
                    .parse::<Ipv4Addr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

fn denied(message: &str) -> Status {
    Status::new(Code::PermissionDenied, message)
}

#[cfg(test)]
mod tests;
