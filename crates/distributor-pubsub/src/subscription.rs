//! The name of a subscription. It refuses what could not be one, so that no name changes a URL's meaning.

use std::fmt;
use std::str::FromStr;

use crate::error::SetupError;

/// `projects/PROJECT/subscriptions/SUBSCRIPTION`, of characters that mean nothing in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription(String);

impl Subscription {
    /// As the API writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subscription {
    type Err = SetupError;

    fn from_str(text: &str) -> Result<Self, SetupError> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_name = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~:".contains(c);
            // Not a name of dots, which would change the path.
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain)
        };
        match parts.as_slice() {
            ["projects", project, "subscriptions", name] if is_name(project) && is_name(name) => {
                Ok(Subscription(text.to_owned()))
            }
            _ => Err(SetupError::Subscription(text.to_owned())),
        }
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_named_with_its_project() {
        for good in [
            "projects/p/subscriptions/s",
            "projects/example.com:app/subscriptions/dm-notify_1.x",
        ] {
            assert_eq!(
                good.parse::<Subscription>().map(|it| it.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "s",
            "projects/p/topics/t",
            "projects//subscriptions/s",
            "projects/../subscriptions/s",
            "projects/p/subscriptions/s?x=y",
            "projects/p/subscriptions/s/..",
            "projects/p/subscriptions/s:pull/",
            "/projects/p/subscriptions/s",
        ] {
            let refusal = bad.parse::<Subscription>().map_err(|it| it.to_string());
            assert!(
                refusal.is_err_and(|it| it.contains("projects/PROJECT/subscriptions/NAME")),
                "{bad}"
            );
        }
    }
}
