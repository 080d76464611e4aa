//! Tasks that another supervisor started: what a killed service left running, and what is left of
//! a supervisor that was killed itself.
//!
//! A new service waits until its predecessor's supervisor has said that it starts nothing more;
//! only then a task that no log knows is certainly not running. A watcher thread looks at the logs
//! and processes until all of that is over. It polls: this is the rare case, and short.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use distributor_core::{Error, ErrorKind, Result};
use rustix::process::Signal;
use tokio::sync::oneshot;

use crate::layout;
use crate::pool::{Adoption, Applied, Inner, Pool};
use crate::process::{self, Process};
use crate::supervisor::signal_group;
use crate::tasks::{End, Failure, Phase};
use crate::work;

/// How often the watcher looks.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);
/// How often while callers of `run` wait for it.
const ADOPTION_INTERVAL: Duration = Duration::from_millis(2);
/// How long they wait before they are told to come again.
const ADOPTION_PATIENCE: Duration = Duration::from_secs(10);
/// Segments whose releases were lost are kept this long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

impl Pool {
    /// Makes this process the service: learns what runs already. Quick after the first time.
    ///
    /// # Errors
    /// Transient and not applied: the folder cannot be used, or another service is at it.
    pub(crate) async fn adopt(self: &Arc<Self>) -> Result<()> {
        let waiting = {
            let mut inner = self.lock();
            match &mut inner.adoption {
                Adoption::Done => return Ok(()),
                Adoption::Pending(_, waiters) => {
                    let (sender, receiver) = oneshot::channel();
                    waiters.push(sender);
                    receiver
                }
                Adoption::NotBegun => {
                    self.begin_adoption(&mut inner).map_err(|error| {
                        let root = self.layout.root().display().to_string();
                        Error::new(ErrorKind::Unavailable, "failed to use the state directory")
                            .with("directory", root)
                            .because(error)
                            .transient()
                            .not_applied()
                    })?;
                    if matches!(inner.adoption, Adoption::Done) {
                        return Ok(());
                    }
                    let (sender, receiver) = oneshot::channel();
                    inner.adoption = Adoption::Pending(Instant::now(), vec![sender]);
                    self.watch(&mut inner);
                    receiver
                }
            }
        };
        waiting
            .await
            .unwrap_or_else(|_| Err(Failure::temporary("the watcher of tasks is gone")))
            .map_err(Failure::into_error)
    }

    fn begin_adoption(self: &Arc<Self>, inner: &mut Inner) -> io::Result<()> {
        let folders = [
            self.layout.root().to_owned(),
            self.layout.log(),
            self.layout.outputs(),
            self.layout.work(),
        ];
        for folder in folders {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        // What ended before this service began is found by `get_status`.
        drop(self.refresh(inner)?);
        if !inner.segments.someone_may_start() {
            self.finish_adoption(inner);
        }
        Ok(())
    }

    fn finish_adoption(self: &Arc<Self>, inner: &mut Inner) {
        inner.segments.may_delete = true;
        let now = self.host.clock().now().as_micros();
        let oldest = u64::try_from(now)
            .ok()
            .and_then(|now| UNIX_EPOCH.checked_add(Duration::from_micros(now)))
            .and_then(|now| now.checked_sub(FORGOTTEN_AFTER));
        inner.segments.collect_garbage(oldest);
        self.remove_old_work_files(inner);
        if let Adoption::Pending(_, waiters) =
            std::mem::replace(&mut inner.adoption, Adoption::Done)
        {
            for waiter in waiters {
                let _gave_up = waiter.send(Ok(()));
            }
        }
        if inner.needs_watcher() {
            self.watch(inner);
        }
    }

    /// A killed supervisor or service leaves files behind that no running task reads.
    fn remove_old_work_files(&self, inner: &Inner) {
        for entry in fs::read_dir(self.layout.work())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let execution = name.to_str().and_then(layout::execution_of_work_file);
            let read = execution
                .and_then(|id| inner.tasks.get(&id))
                .is_some_and(|task| !matches!(task.phase, Phase::Ended(_)));
            if !read {
                let _next_time = work::remove(&entry.path());
            }
        }
    }

    /// Reads what is new in the logs of other supervisors, and looks after tasks that have none.
    /// Gives the tasks that are over now.
    pub(crate) fn refresh(self: &Arc<Self>, inner: &mut Inner) -> io::Result<Vec<String>> {
        let boot = inner.this_boot()?;
        let own = inner.connection.as_ref().map(|own| own.supervisor.pid);
        let mut cancelled = Vec::new();
        if !matches!(inner.adoption, Adoption::Done) {
            cancelled = inner.segments.discover(own, &boot.id)?;
        }
        for (supervisor, _) in &inner.bereaved {
            inner.segments.disown(supervisor)?;
        }
        let mut ended = Vec::new();
        for (segment, record) in inner.segments.poll()? {
            if let Applied::Ended(id) = inner.apply(&segment, record) {
                ended.push(id);
            }
        }
        for (_, tasks) in std::mem::take(&mut inner.bereaved) {
            for id in tasks {
                let recorded = inner
                    .tasks
                    .get(&id)
                    .is_none_or(|task| task.segment.is_some());
                if recorded {
                    continue;
                }
                if inner.tasks.is_called_off(&id) {
                    work::remove_all(&inner.tasks.fail(&id, Failure::cancelled()));
                } else {
                    inner.tasks.start_again(&id);
                }
            }
        }
        for id in cancelled {
            inner.tasks.cancelling(&id);
        }
        ended.extend(inner.look_after_orphans(&boot.id));
        Ok(ended)
    }

    /// Starts the watcher, unless there is one.
    pub(crate) fn watch(self: &Arc<Self>, inner: &mut Inner) {
        if inner.watching {
            return;
        }
        let pool = Arc::downgrade(self);
        // Without a thread the host's polling does the same, later.
        inner.watching = thread::Builder::new()
            .name("task watcher".to_owned())
            .spawn(move || watch(&pool))
            .is_ok();
    }

    /// One look. Gives the time to the next one, or `None` if there is nothing left to watch.
    fn look(self: &Arc<Self>) -> Option<Duration> {
        let mut inner = self.lock();
        // Nothing to do about an unreadable log but to try again.
        let ended = self.refresh(&mut inner).unwrap_or_default();
        if let Adoption::Pending(since, _) = inner.adoption {
            if !inner.segments.someone_may_start() {
                self.finish_adoption(&mut inner);
            } else if since.elapsed() > ADOPTION_PATIENCE {
                self.give_up_adoption(&mut inner);
            }
        }
        inner.segments.collect_garbage(None);
        inner.kill_when_due();
        let next = match inner.adoption {
            Adoption::Pending(..) => Some(ADOPTION_INTERVAL),
            _ if inner.needs_watcher() => Some(WATCH_INTERVAL),
            _ => None,
        };
        inner.watching = next.is_some();
        self.start_tasks(&mut inner);
        drop(inner);
        self.notify(ended);
        next
    }

    fn give_up_adoption(&self, inner: &mut Inner) {
        let failure = Failure::temporary(format!(
            "another service still starts tasks in {}",
            self.layout.root().display()
        ));
        if let Adoption::Pending(_, waiters) =
            std::mem::replace(&mut inner.adoption, Adoption::NotBegun)
        {
            for waiter in waiters {
                let _gave_up = waiter.send(Err(failure.clone()));
            }
        }
    }
}

impl Inner {
    fn needs_watcher(&self) -> bool {
        !self.kills.is_empty()
            || !self.bereaved.is_empty()
            || self
                .segments
                .foreign()
                .any(|(_, segment)| !segment.finished || !segment.open.is_empty())
    }

    /// Tasks whose supervisor cannot write any more: do their processes still exist?
    fn look_after_orphans(&mut self, boot: &str) -> Vec<String> {
        let mut lost = Vec::new();
        let mut unknown = Vec::new();
        for (_, segment) in self.segments.foreign() {
            if !segment.finished {
                continue;
            }
            for id in &segment.open {
                if segment.header.boot_id != boot {
                    lost.push((id.clone(), End::MachineRestarted));
                    continue;
                }
                match self.tasks.get(id).map(|task| &task.phase) {
                    Some(Phase::Running(process)) if !process.is_alive() => {
                        lost.push((id.clone(), End::SupervisorDied));
                    }
                    Some(Phase::Starting(_)) => unknown.push(id.clone()),
                    _ => {}
                }
            }
        }
        if !unknown.is_empty() {
            let leaders = process::leaders_by_execution();
            for id in unknown {
                match leaders.get(&id) {
                    Some(process) => {
                        self.tasks.started(&id, *process);
                    }
                    None => lost.push((id, End::SupervisorDied)),
                }
            }
        }
        lost.into_iter()
            .filter_map(|(id, end)| match self.end(&id, end) {
                Applied::Ended(id) => Some(id),
                _ => None,
            })
            .collect()
    }

    fn kill_when_due(&mut self) {
        let now = Instant::now();
        self.kills
            .retain(|(deadline, id, Process { pid, start_time })| {
                if *deadline > now {
                    return true;
                }
                let process = Process {
                    pid: *pid,
                    start_time: *start_time,
                };
                if process.is_alive() || process::group_belongs_to(*pid, id) {
                    signal_group(*pid, Signal::KILL);
                }
                false
            });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "nobody tells when a process that is no child ends, or when a file lock is dropped"
)]
fn watch(pool: &Weak<Pool>) {
    while let Some(next) = pool.upgrade().and_then(|pool| pool.look()) {
        thread::sleep(next);
    }
}
