//! The rows of the format's specification (V, K), the promises about topics (DC), and what lies around
//! them: hostile tokens, files, other processes.

mod files;
mod format;
mod hostile;
mod names;
mod rotation;
mod topic;

use std::sync::Arc;
use std::time::Duration;

use distributor_core::{ExecutionId, ManualClock, Timestamp};

use super::format::Fields;
use super::{DEFAULT_LIFETIME, QueueTokens, TopicTokens};

/// When the tokens of the specification were issued.
const ISSUED: Timestamp = Timestamp::from_micros(1_444_945_245_000_000);
const QUEST: &str = "1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw";
const V1_SECRET: &str = "0123456789abcdef0123456789abcdef";
const V1: &str = "AXsiX2kiOiIxNDQ0OTQ1MjQ1MDAwIiwiYXR0ZW1wdCI6IjEiLCJjZmdOYW1lIjoiam9ic2ltIiwiZXhlY3V0aW9uIjoiMSIsInF1ZXN0IjoiMTI1OHBoWXM4R1c2cU01QVFvcFFfTDNBNWNaaE83aWFZUVp5RmtOdXNWdyJ9QVMMLTjLsbvUwhzE4cNab3VpajBt-ZEdLiOgVQKySos";
const MINUTE: Duration = Duration::from_secs(60);

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    pairs.iter().map(owned).collect()
}

fn v1_fields() -> Fields {
    fields(&[
        ("quest", QUEST),
        ("attempt", "1"),
        ("execution", "1"),
        ("cfgName", "jobsim"),
    ])
}

fn execution(attempt: u32, execution: u32) -> ExecutionId {
    let quest: distributor_core::QuestId = QUEST.parse().unwrap();
    quest.attempt(attempt).execution(execution)
}

fn text(token: &distributor_core::Secret) -> &str {
    std::str::from_utf8(token.expose()).unwrap()
}

/// Tokens in a folder of their own, and the clock that they go by.
struct World {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        World {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(ISSUED)),
        }
    }

    fn directory(&self) -> std::path::PathBuf {
        self.folder.path().join("state/secrets")
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory().join("pubsub_auth_token.json")
    }

    /// As another process would have them.
    fn tokens(&self) -> TopicTokens {
        self.tokens_for(DEFAULT_LIFETIME)
    }

    fn tokens_for(&self, lifetime: Duration) -> TopicTokens {
        TopicTokens::new(self.directory(), self.clock.clone(), lifetime)
    }

    fn queue_tokens(&self) -> QueueTokens {
        QueueTokens::new(self.directory(), self.clock.clone())
    }

    fn write(&self, content: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(self.directory()).unwrap();
        std::fs::write(self.file(), content).unwrap();
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.file(), mode).unwrap();
    }
}
