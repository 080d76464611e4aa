//! Who may push notifications: what can be typed, and what it means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use distributor_api::notify::{
    GOOGLE_ISSUERS, KeyFile, KeySource, PushCallers, PushCallersSettings,
};
use distributor_core::SystemClock;

use crate::cli::exit::Failure;

/// Arguments about the identity tokens of pushes.
#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// Let only pushes in whose identity token is for URL; may be repeated
    ///
    /// The audience of the push subscription: the one that it was created with, or the URL that it pushes
    /// to. Without --push-audience whoever reaches the service can push; a message still does nothing
    /// without the token that its execution was started with.
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Notifications",
        requires_all = ["push_account", "push_keys"],
        value_parser = NonEmptyStringValueParser::new()
    )]
    push_audience: Vec<String>,
    /// Service account that the push subscription authenticates as; may be repeated
    #[arg(
        long,
        value_name = "EMAIL",
        help_heading = "Notifications",
        requires = "push_audience",
        value_parser = NonEmptyStringValueParser::new()
    )]
    push_account: Vec<String>,
    /// Issuer of the identity tokens; may be repeated [default: Google]
    #[arg(
        long,
        value_name = "ISSUER",
        help_heading = "Notifications",
        requires = "push_audience",
        value_parser = NonEmptyStringValueParser::new()
    )]
    push_issuer: Vec<String>,
    /// File with the issuer's public keys (JSON Web Key Set), read again when it changes
    ///
    /// Those of Google are at https://www.googleapis.com/oauth2/v3/certs, and change every few days. A
    /// build with the feature `pubsub` takes such a URL in place of a file.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Notifications",
        requires = "push_audience"
    )]
    push_keys: Option<PathBuf>,
}

impl PushArguments {
    /// Who may push; `None` if anybody may.
    pub(super) fn callers(&self) -> Result<Option<PushCallers>, Failure> {
        if self.push_audience.is_empty() {
            return Ok(None);
        }
        let Some(path) = &self.push_keys else {
            let problem = "--push-keys: say where the public keys of the issuer are";
            return Err(Failure::Input(problem.to_owned()));
        };
        let keys = keys(path)?;
        let issuers = match self.push_issuer.is_empty() {
            true => GOOGLE_ISSUERS.map(str::to_owned).to_vec(),
            false => self.push_issuer.clone(),
        };
        let settings = PushCallersSettings {
            issuers,
            audiences: self.push_audience.clone(),
            accounts: self.push_account.clone(),
        };
        let callers = PushCallers::new(settings, keys, Arc::new(SystemClock));
        let callers = callers.map_err(|error| {
            let flag = error.field.trim_end_matches('s');
            Failure::Input(format!("--push-{flag}: give at least one"))
        })?;
        Ok(Some(callers))
    }
}

/// Where the keys come from: a file or, if this build can fetch, a URL.
fn keys(place: &Path) -> Result<Arc<dyn KeySource>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Input(format!("--push-keys: {error}"));
    #[cfg(feature = "pubsub")]
    if let Some(url) = place.to_str().filter(|text| text.contains("://")) {
        let keys = distributor_pubsub::KeyUrl::new(url, Arc::new(SystemClock));
        return Ok(Arc::new(keys.map_err(|error| wrong(&error))?));
    }
    let keys = KeyFile::new(place.to_owned());
    Ok(Arc::new(keys.map_err(|error| wrong(&error))?))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        push: PushArguments,
    }

    fn callers(arguments: &[&str]) -> Result<Option<PushCallers>, String> {
        let words = ["serve"].iter().chain(arguments);
        let command = Command::try_parse_from(words).map_err(|error| error.to_string())?;
        command.push.callers().map_err(|failure| match failure {
            Failure::Input(message) => message,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn without_an_audience_anybody_may_push() {
        assert!(callers(&[]).expect("no arguments").is_none());
    }

    #[test]
    fn the_flag_that_is_missing_or_wrong_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = folder.path().join("keys.json");
        let keys = keys.to_str().expect("text");
        let (audience, account) = (["--push-audience", "u"], ["--push-account", "a@b"]);
        let given = |parts: &[[&str; 2]]| callers(&parts.concat()).expect_err("not usable");
        for (parts, flag) in [
            (&[audience][..], "--push-account"),
            (&[audience, account], "--push-keys"),
            (&[account], "--push-audience"),
            (&[["--push-issuer", "i"]], "--push-audience"),
            (&[["--push-keys", keys]], "--push-audience"),
            (&[["--push-audience", ""], account], "--push-audience"),
            (&[audience, account, ["--push-keys", keys]], "--push-keys"),
        ] {
            let problem = given(parts);
            assert!(problem.contains(flag), "{problem}");
        }
        std::fs::write(keys, "{}").expect("written");
        let problem = given(&[audience, account, ["--push-keys", keys]]);
        assert!(problem.contains("--push-keys") && problem.contains("keys.json"));
        let key = r#"{"keys":[{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"}]}"#;
        std::fs::write(keys, key).expect("written");
        let callers = callers(&[audience, account, ["--push-keys", keys]].concat());
        assert!(callers.expect("all that it takes").is_some());
    }
}
