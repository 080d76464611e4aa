//! From a checked request to what the host is asked for: templates become descriptions, and descriptions
//! quests that their backends accept.

use distributor_host::Engine;
use distributor_host::driver::{CallError, GraphQuest, GraphRequest};
use distributor_proto::dm;

use crate::status::{Code, Status, cut};
use crate::templates::{self, Projects};
use crate::validate::{EnsureGraph, Instance, Wanted};

/// The longest entry of `template_error`, in bytes: it may quote what a client sent.
const MAX_TEMPLATE_ERROR: usize = 1024;

/// A request for the host, and the part of the answer that is known before it is asked.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) graph: GraphRequest,
    /// Parallel to `quest`.
    pub(super) quest_ids: Vec<dm::quest::Id>,
    /// Parallel to `template_quest`; empty where there is an error.
    pub(super) template_ids: Vec<dm::quest::Id>,
    /// Parallel to `template_quest` if there is any error, else empty.
    pub(super) template_error: Vec<String>,
}

/// # Errors
/// `InvalidArgument` for a quest that its backend does not accept, `Unavailable` if a backend cannot be
/// asked now. What is wrong with a template is in the answer.
pub(super) fn expand(
    engine: &Engine,
    projects: &Projects,
    request: EnsureGraph,
) -> Result<Expanded, Status> {
    let mut expanded = Expanded::default();
    for (index, Wanted { what, attempts }) in request.quests.into_iter().enumerate() {
        let quest = match engine.check_normalized(what) {
            Ok(quest) => quest,
            Err(error) => {
                let problem = format!("quest[{index}].{}", unfit(error)?);
                return Err(Status::new(Code::InvalidArgument, problem));
            }
        };
        expanded.quest_ids.push(quest.id().into());
        expanded.graph.quests.push(GraphQuest {
            quest,
            built_by: Vec::new(),
            attempts,
        });
    }
    let mut errors = Vec::with_capacity(request.templates.len());
    for Wanted { what, attempts } in request.templates {
        let (id, error) = match instantiate(engine, projects, &what)? {
            Ok(mut quest) => {
                quest.attempts = attempts;
                let id = quest.quest.id().into();
                expanded.graph.quests.push(quest);
                (id, String::new())
            }
            Err(error) => (dm::quest::Id::default(), cut(error, MAX_TEMPLATE_ERROR)),
        };
        expanded.template_ids.push(id);
        errors.push(error);
    }
    if errors.iter().any(|error| !error.is_empty()) {
        expanded.template_error = errors;
    }
    expanded.graph.attempts = request.raw_attempts;
    expanded.graph.dependent = request.for_execution;
    Ok(expanded)
}

/// The quest of a template, without attempts, or what is wrong with it. Its backend is asked like that of
/// any quest (DC-55).
fn instantiate(
    engine: &Engine,
    projects: &Projects,
    instance: &Instance,
) -> Result<Result<GraphQuest, String>, Status> {
    let rendered = templates::instantiate(projects, &instance.project, &instance.specifier);
    let (desc, origin) = match rendered {
        Ok(rendered) => rendered,
        Err(error) => return Ok(Err(error.to_string())),
    };
    match engine.check_normalized(desc) {
        Ok(quest) => Ok(Ok(GraphQuest {
            quest,
            built_by: vec![origin],
            attempts: Vec::new(),
        })),
        Err(error) => Ok(Err(unfit(error)?)),
    }
}

/// Which field of a description does not fit its backend, and why. Backends name the field as well.
fn unfit(error: CallError) -> Result<String, Status> {
    match error {
        CallError::Invalid { field, message } => {
            let named = message.starts_with(&format!("{field}: "));
            Ok(if named {
                message
            } else {
                format!("{field}: {message}")
            })
        }
        other => Err(other.into()),
    }
}
