//! Jobs that call the API, as a test plays them.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{JsonResult, execution};
use distributor_core::{AttemptId, ExecutionId, Notification, TaskResult, TaskState};
use distributor_host::driver::{
    CallError, Dependent, Ensured, GraphAnswer, GraphQuest, GraphRequest,
};
use distributor_store::records::DependencyRecord;

use super::backend::Reply;
use super::quest::Quest;
use super::world::World;
use super::{ScriptedBackend, secs};

impl World {
    /// A backend whose tasks end when [`World::end`] says so.
    pub(crate) fn jobs(&self, name: &str) -> std::sync::Arc<ScriptedBackend> {
        let backend = self.backend(name);
        backend.starts(secs(0), TaskState::Pending);
        backend.notification.rule(|seen| {
            let data = seen.notification.as_ref().map(|it| it.data.clone());
            let text = String::from_utf8(data.unwrap_or_default()).expect("text");
            let result = match text.strip_prefix("FAILED ") {
                Some(reason) => TaskResult::abnormal(Status::Failed, reason),
                None => TaskResult::data(text),
            };
            Reply::Now(Ok(Some(result)))
        });
        backend
    }

    /// The task of the current execution claims it, and calls from now on.
    pub(crate) async fn job(&self, backend: &ScriptedBackend, id: AttemptId) -> Dependent {
        let token = self.activate(backend, id).await;
        let execution = id.execution(self.get(id).current_execution);
        Dependent { execution, token }
    }

    /// A new quest whose first execution calls from now on.
    pub(crate) async fn new_job(&self, backend: &ScriptedBackend, quest: &Quest) -> Dependent {
        let id = self.ensure_one(quest).await;
        self.job(backend, id).await
    }

    pub(crate) fn request(&self, quests: &[Quest]) -> GraphRequest {
        let quests = quests.iter().map(|quest| self.part(quest, &[1]));
        GraphRequest {
            quests: quests.collect(),
            ..Default::default()
        }
    }

    /// One quest of a request, with these attempts.
    pub(crate) fn part(&self, quest: &Quest, numbers: &[u32]) -> GraphQuest {
        quest.part(&self.engine, numbers)
    }

    /// The job asks for the first attempts of these.
    pub(crate) async fn depend(
        &self,
        job: &Dependent,
        quests: &[Quest],
    ) -> Result<GraphAnswer, CallError> {
        let request = GraphRequest {
            dependent: Some(job.clone()),
            ..self.request(quests)
        };
        self.engine.ensure_graph(request).await
    }

    /// The job must wait for the first attempts of these, and its task ends.
    pub(crate) async fn halt(&self, job: &Dependent, quests: &[Quest]) -> Vec<Ensured> {
        let answer = self.depend(job, quests).await.expect("a right request");
        assert!(answer.halted);
        self.end(job, "{}").await;
        answer.attempts
    }

    /// The task of the job ends, with this data or `FAILED why`.
    pub(crate) async fn end(&self, job: &Dependent, how: &str) {
        self.end_execution(job.execution, how).await;
    }

    /// The same for the current task of an attempt.
    pub(crate) async fn end_current(&self, id: AttemptId, how: &str) {
        let number = self.get(id).current_execution;
        self.end_execution(id.execution(number), how).await;
    }

    async fn end_execution(&self, id: ExecutionId, how: &str) {
        let number = id.number;
        let data = how.as_bytes().to_vec();
        self.host.notify(Notification::new(id, data));
        self.until(id.attempt, |record| {
            use execution::State::{AbnormalFinished, Finished};
            let execution = record.execution.as_ref();
            let state = execution.map(|execution| execution.state);
            record.current_execution > number || matches!(state, Some(Finished | AbnormalFinished))
        })
        .await;
    }

    /// The job delivers a result, and its task ends.
    pub(crate) async fn finish(&self, job: &Dependent, object: &str) {
        let result = JsonResult {
            object: object.to_owned(),
            ..Default::default()
        };
        let token = job.token.clone();
        let finished = self.engine.finish_attempt(job.execution, token, result);
        finished.await.expect("a running job");
        self.end(job, "{}").await;
    }

    /// A quest that is over, with this result.
    pub(crate) async fn finished(&self, backend: &ScriptedBackend, quest: &Quest, object: &str) {
        let job = self.new_job(backend, quest).await;
        self.finish(&job, object).await;
    }

    pub(crate) fn dependencies(&self, id: AttemptId) -> Vec<DependencyRecord> {
        self.inner.dependencies(id).expect("dependencies")
    }
}

/// A job in a few words.
pub(crate) fn job(name: impl ToString) -> Quest {
    Quest::speaking("b", name)
}
