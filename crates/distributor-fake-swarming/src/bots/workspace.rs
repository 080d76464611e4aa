//! The folder of a task that runs for real, and what it finds in its environment.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::model::{Properties, Task, TaskId};
use crate::settings::Settings;

/// Where the output of a task is kept.
pub(crate) fn output_file(settings: &Settings, id: TaskId) -> PathBuf {
    settings.state.join("output").join(id.to_string())
}

/// Removes the folders of the tasks that ran when the farm was killed.
pub(crate) fn clean_up(settings: &Settings) {
    match fs::remove_dir_all(settings.state.join("work")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("cannot remove the folders of former tasks: {error}");
        }
        _ => {}
    }
}

/// A task's folder; it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
    /// Where the task starts.
    pub(super) start: PathBuf,
    context: PathBuf,
}

impl Workspace {
    pub(super) fn make(
        settings: &Settings,
        id: TaskId,
        properties: &Properties,
    ) -> io::Result<Self> {
        fs::create_dir_all(settings.state.join("output"))?;
        let folder = settings.state.canonicalize()?.join("work").join(id.run());
        let root = folder.join("root");
        let start = match &properties.relative_cwd {
            Some(below) => root.join(below),
            None => root,
        };
        fs::create_dir_all(&start)?;
        let context = folder.join("luci_context.json");
        let workspace = Workspace {
            folder,
            start,
            context,
        };
        workspace.write_context(properties)?;
        Ok(workspace)
    }

    /// What only the task may read.
    fn write_context(&self, properties: &Properties) -> io::Result<()> {
        let secret = properties.secret_bytes.as_ref();
        let context = match secret {
            Some(secret) => json!({ "swarming": { "secret_bytes": secret.reveal() } }),
            None => json!({ "swarming": {} }),
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.context)?;
        file.write_all(context.to_string().as_bytes())
    }

    /// The variables that are set for the task.
    pub(super) fn variables(
        &self,
        task: &Task,
        properties: &Properties,
        url: &str,
    ) -> Vec<(String, String)> {
        let mut all = properties.env.clone();
        for (name, paths) in &properties.env_prefixes {
            let root = self.folder.join("root");
            let mut parts: Vec<String> = paths
                .iter()
                .map(|path| root.join(path).display().to_string())
                .collect();
            let former = properties.variable(name).map(str::to_owned);
            parts.extend(former.or_else(|| std::env::var(name).ok()));
            all.push((name.clone(), parts.join(":")));
        }
        let context = display(&self.context);
        all.extend([
            ("LUCI_CONTEXT".to_owned(), context),
            ("SWARMING_TASK_ID".to_owned(), task.id.run()),
            ("SWARMING_SERVER".to_owned(), url.to_owned()),
        ]);
        if let Some(bot) = &task.status.bot {
            all.push(("SWARMING_BOT_ID".to_owned(), bot.clone()));
        }
        all
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
