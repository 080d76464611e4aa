//! Names of topics, checked by Google's rules before anybody is told of them (DC-19).

use std::fmt;

/// Name of the topic within a project unless configured: the original's.
const DEFAULT_TOPIC: &str = "dm-distributor-notify";

/// The full name of a topic, `projects/PROJECT/topics/TOPIC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicName(String);

/// A text that names no topic or project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicNameError {
    /// It is not made of four parts.
    #[error("{0:?} is no full name of a topic: write `projects/PROJECT/topics/TOPIC`")]
    Form(String),
    /// The project part is none.
    #[error(
        "{0:?} is no project id: write up to 30 lower-case letters, digits and hyphens, with a letter \
         first and no hyphen last; a domain may stand before it, as in `example.com:app-id`"
    )]
    Project(String),
    /// The last part names no topic.
    #[error(
        "{0:?} is no topic id: write 3 to 255 letters, digits and any of `-_.~+%`, with a letter first, \
         and not `goog` at the beginning"
    )]
    Topic(String),
}

impl TopicName {
    /// The usual topic of a project. Of `example.com:app-id` only `app-id` counts.
    ///
    /// # Errors
    /// `Project`.
    pub fn of_project(project: &str) -> Result<Self, TopicNameError> {
        Self::in_project(project, DEFAULT_TOPIC)
    }

    /// The topic of this short name in a project. Of `example.com:app-id` only `app-id` counts.
    ///
    /// # Errors
    /// `Project` or `Topic`.
    pub fn in_project(project: &str, topic: &str) -> Result<Self, TopicNameError> {
        let project = without_domain(project)?;
        if !is_topic(topic) {
            return Err(TopicNameError::Topic(topic.to_owned()));
        }
        Ok(TopicName(format!("projects/{project}/topics/{topic}")))
    }

    /// Reads a full name.
    ///
    /// # Errors
    /// The part that is wrong.
    pub fn parse(text: &str) -> Result<Self, TopicNameError> {
        let mut parts = text.split('/');
        match [(); 5].map(|()| parts.next()) {
            [
                Some("projects"),
                Some(project),
                Some("topics"),
                Some(topic),
                None,
            ] => Self::in_project(project, topic),
            _ => Err(TopicNameError::Form(text.to_owned())),
        }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The project's own id.
fn without_domain(project: &str) -> Result<&str, TopicNameError> {
    let (domain, id) = match project.split_once(':') {
        Some((domain, id)) => (Some(domain), id),
        None => (None, project),
    };
    if domain.is_none_or(is_domain) && is_project(id) {
        Ok(id)
    } else {
        Err(TopicNameError::Project(project.to_owned()))
    }
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

/// Google makes no id of less than 6 characters any more, but old ones and emulators have them.
fn is_project(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=30).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(allowed)
}

fn is_topic(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+%".contains(&byte);
    (3..=255).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_alphabetic())
        && !id.starts_with("goog")
        && id.bytes().all(allowed)
}
