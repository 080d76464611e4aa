//! Key sets that an issuer publishes at a URL, such as `https://www.googleapis.com/oauth2/v3/certs`.
//!
//! It refuses to remember keys and to limit how often it is asked: whoever verifies tokens does both.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_api::notify::{FetchedKeys, KeyError, KeySet, KeySource};
use distributor_core::Clock;
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};
use url::Url;

use crate::error::SetupError;
use crate::fetch::Http;

/// A larger answer is no key set.
const LIMIT: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// How long keys are good if their publisher does not say so.
const USUAL: Duration = Duration::from_secs(300);
/// Keys are never asked for more often, nor believed for longer, whatever their publisher says.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A JSON Web Key Set at a URL. It is fetched when keys are needed.
#[derive(Clone)]
pub struct KeyUrl {
    http: Http,
    url: Url,
}

impl KeyUrl {
    /// The key set at `url`, which must be `https://…`. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`SetupError::KeySet`] if it is no such URL, `Client` if the system's certificates cannot be had.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let parsed = Url::parse(url).ok().filter(|parsed| {
            let is_plain = parsed.username().is_empty() && parsed.password().is_none();
            parsed.scheme() == "https" && parsed.has_host() && is_plain
        });
        let url = parsed.ok_or_else(|| SetupError::KeySet(url.to_owned()))?;
        Ok(KeyUrl {
            http: Http::tls(clock)?,
            url,
        })
    }
}

#[async_trait]
impl KeySource for KeyUrl {
    async fn fetch(&self) -> Result<FetchedKeys, KeyError> {
        let problem = |error: &dyn fmt::Display| KeyError(format!("{}: {error}", self.url));
        let request = self.http.client().get(self.url.clone());
        let answer = self.http.send(request, LIMIT, PATIENCE).await;
        let answer = answer.map_err(|error| problem(&error))?;
        Ok(FetchedKeys {
            keys: KeySet::parse(&answer.body).map_err(|error| problem(&error))?,
            good_for: good_for(&answer.headers),
        })
    }
}

impl fmt::Debug for KeyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyUrl").field(&self.url.as_str()).finish()
    }
}

/// How long an answer is good: `max-age` less the `Age` that it has already.
fn good_for(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut age = None;
    for directive in texts.flat_map(|text| text.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return SHORTEST,
            "max-age" => age = value.trim().trim_matches('"').parse::<u64>().ok(),
            _ => {}
        }
    }
    let passed = headers.get(AGE).and_then(|value| value.to_str().ok());
    let passed = passed
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let left = age.map(|age| Duration::from_secs(age.saturating_sub(passed)));
    left.unwrap_or(USUAL).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
impl KeyUrl {
    /// The key set of a server of a test, without TLS.
    pub(crate) fn for_test(url: Url, clock: Arc<dyn Clock>) -> Self {
        KeyUrl {
            http: Http::plain(clock).unwrap(),
            url,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn keys_are_good_for_as_long_as_their_publisher_says_within_bounds() {
        for (control, age, seconds) in [
            ("public, max-age=21600, must-revalidate", None, 21_600),
            ("Max-Age=\"3600\"", Some("600"), 3_000),
            ("max-age=3600", Some("7200"), 60),
            ("max-age=5", None, 60),
            ("max-age=99999999999", None, 86_400),
            ("max-age=99999999999999999999999", None, 300),
            ("public", None, 300),
            ("max-age=3600, no-store", None, 60),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
            if let Some(age) = age {
                headers.insert(AGE, HeaderValue::from_static(age));
            }
            assert_eq!(good_for(&headers).as_secs(), seconds, "{control}");
        }
        assert_eq!(good_for(&HeaderMap::new()), USUAL);
    }

    #[test]
    fn only_a_url_with_tls_will_do() {
        let clock: Arc<dyn Clock> = Arc::new(distributor_core::SystemClock);
        for bad in [
            "",
            "certs.json",
            "http://example.com/certs",
            "https://",
            "https://user:canary@example.com/",
            "file:///etc/certs",
        ] {
            let refusal = KeyUrl::new(bad, clock.clone()).map_err(|error| error.to_string());
            assert!(
                refusal.is_err_and(|it| it.contains("https://HOST/PATH")),
                "{bad}"
            );
        }
    }
}
