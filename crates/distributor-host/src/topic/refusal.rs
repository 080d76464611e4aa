//! Why a token was refused, one name for each row of the check.

/// Why a token was refused. Never holds the token, nor anything that was read from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// It is longer than any token.
    #[error("the token is too large")]
    TooLarge,
    /// It is not base64url without padding, in the one form that its bytes have.
    #[error("the token has a bad encoding: illegal base64")]
    Encoding,
    /// It has no room for a version, fields and a MAC.
    #[error("the token is too small")]
    TooSmall,
    /// No secret of ours signed it: forged, damaged, or the secret is not honoured any more.
    #[error("the token has a bad MAC")]
    BadMac,
    /// One of our secrets signed it, but in another version of the format.
    #[error("the token has a bad version")]
    BadVersion,
    /// What it embeds is not a JSON object of strings.
    #[error("the token is malformed: it does not embed a map of strings")]
    Malformed,
    /// A field is not there.
    #[error("the token has missing keys: `{0}`")]
    Missing(&'static str),
    /// A field is not the decimal number that it must be.
    #[error("the token's `{0}` is not a number")]
    Number(&'static str),
    /// It was issued later than now, by more than clocks may differ.
    #[error("the token is from the future")]
    Future,
    /// It says that it is good for less than no time.
    #[error("the token has a bad lifetime: it is negative")]
    Lifetime,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its quest is not the id of one.
    #[error("the token's `quest` is not a quest id")]
    Quest,
    /// The secrets cannot be read at the moment, so it is not known whether the token is good.
    #[error("the token cannot be checked: {0}")]
    Unchecked(String),
}

impl TokenRefusal {
    /// True if the same token may be found good later: only then is its message to be sent again
    /// (DC-06).
    pub fn is_transient(&self) -> bool {
        matches!(self, TokenRefusal::Unchecked(_))
    }

    /// A word for counters and logs.
    pub fn label(&self) -> &'static str {
        match self {
            TokenRefusal::TooLarge => "too_large",
            TokenRefusal::Encoding => "encoding",
            TokenRefusal::TooSmall => "too_small",
            TokenRefusal::BadMac => "mac",
            TokenRefusal::BadVersion => "version",
            TokenRefusal::Malformed => "malformed",
            TokenRefusal::Missing(_) => "missing",
            TokenRefusal::Number(_) => "number",
            TokenRefusal::Future => "future",
            TokenRefusal::Lifetime => "lifetime",
            TokenRefusal::Expired => "expired",
            TokenRefusal::Quest => "quest",
            TokenRefusal::Unchecked(_) => "unchecked",
        }
    }
}
