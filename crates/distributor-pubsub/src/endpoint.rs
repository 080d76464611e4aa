//! Where the API is: at Google, or an emulator on this machine.

use url::Url;

use crate::error::SetupError;

/// The environment variable that names an emulator, as the client libraries of Google have it.
pub const EMULATOR_VARIABLE: &str = "PUBSUB_EMULATOR_HOST";

const GOOGLE: &str = "https://pubsub.googleapis.com/";

/// Where the API is, and whether it wants tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    is_emulator: bool,
}

impl Endpoint {
    /// The real one.
    ///
    /// # Errors
    /// None in practice: the address is fixed.
    pub fn google() -> Result<Self, SetupError> {
        let base = Url::parse(GOOGLE).map_err(|error| SetupError::Client(error.to_string()))?;
        Ok(Endpoint {
            base,
            is_emulator: false,
        })
    }

    /// The emulator at `host`, which is `HOST:PORT`: plain HTTP, without tokens.
    ///
    /// # Errors
    /// [`SetupError::Emulator`] if that is no address.
    pub fn emulator(host: &str) -> Result<Self, SetupError> {
        let refusal = || SetupError::Emulator(host.to_owned());
        let plain = host.trim().trim_start_matches("http://");
        let base = Url::parse(&format!("http://{plain}/")).map_err(|_| refusal())?;
        let only_an_address = base.path().chars().all(|c| c == '/')
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        match base.host_str() {
            Some(_) if only_an_address => {
                let base = base.join("/").map_err(|_| refusal())?;
                Ok(Endpoint {
                    base,
                    is_emulator: true,
                })
            }
            _ => Err(refusal()),
        }
    }

    /// True if it is an emulator: nothing secret may be sent to it.
    pub fn is_emulator(&self) -> bool {
        self.is_emulator
    }

    /// The URL of a method of something that has a name.
    pub(crate) fn method(&self, name: &str, method: &str) -> Result<Url, url::ParseError> {
        self.base.join(&format!("v1/{name}:{method}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_api_is_reached_over_tls_and_the_emulator_without() {
        let name = "projects/example.com:p/subscriptions/s";
        let url = |endpoint: Endpoint| endpoint.method(name, "pull").unwrap().to_string();
        assert_eq!(
            url(Endpoint::google().unwrap()),
            "https://pubsub.googleapis.com/v1/projects/example.com:p/subscriptions/s:pull"
        );
        for host in [
            "localhost:8085",
            "http://localhost:8085/",
            " localhost:8085 ",
        ] {
            assert_eq!(
                url(Endpoint::emulator(host).unwrap()),
                "http://localhost:8085/v1/projects/example.com:p/subscriptions/s:pull"
            );
        }
        assert!(Endpoint::emulator("[::1]:8085").unwrap().is_emulator());
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for bad in [
            "",
            "https://x",
            "a b",
            "host/path",
            "user@host",
            "host:port",
        ] {
            let refusal = Endpoint::emulator(bad).map_err(|error| error.to_string());
            assert!(refusal.is_err_and(|it| it.contains("HOST:PORT")), "{bad}");
        }
    }
}
