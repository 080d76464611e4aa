//! Puts the parts of a service together: configuration, store, host, API, callers.

use std::sync::Arc;

use distributor_api::notify::{Inbound, Receiver, TaskQueueReceiver};
use distributor_api::{Access, Api, Callers, Open, Templates, TokenDirectory};
use distributor_core::{Clock, DistributorSource, Registry, SystemClock};
use distributor_host::topic::{QueueTokens, TopicName, TopicSettings, TopicTokens};
use distributor_host::{Engine, Settings};
use distributor_store::Store;

use super::args::Arguments;
use crate::cli::args::Global;
use crate::cli::exit::Failure;
use crate::cli::findings::Findings;
use crate::cli::place::{self, Place};
use crate::config_source::{Files, Loader, Location, Targets, Watch};

/// The configuration as it lies there.
pub(super) struct Configuration {
    location: Location,
    files: Files,
    registry: Arc<Registry>,
    /// Nobody said who may do what: anybody who can reach the port may do everything.
    pub(super) open: bool,
}

/// A service that nobody can reach yet.
pub(super) struct Parts {
    pub(super) api: Api,
    pub(super) callers: Arc<dyn Callers>,
    pub(super) watch: Watch,
    /// Entries that are left out of the configuration.
    pub(super) findings: Findings,
}

/// Reads the configuration that the arguments name.
pub(super) fn configuration(
    global: &Global,
    arguments: &Arguments,
) -> Result<Configuration, Failure> {
    let location = match (&arguments.config_dir, &global.config) {
        (Some(folder), _) => Location::Directory(folder.clone()),
        (None, Some(file)) => Location::File(file.clone()),
        (None, None) => Location::BuiltIn,
    };
    let files = Files::read(&location).map_err(|finding| {
        Failure::Findings(Findings {
            problems: vec![*finding],
        })
    })?;
    Ok(Configuration {
        registry: place::registry()?,
        open: !files.has_acls(),
        location,
        files,
    })
}

/// Tokens of notifications, and the topic that backends are told of if there is one.
pub(super) struct Topics {
    /// Checks tokens also where no topic is configured now: tasks may still hold some.
    pub(super) tokens: Arc<TopicTokens>,
    name: Option<TopicName>,
}

impl Topics {
    fn settings(&self) -> Option<TopicSettings> {
        self.name.clone().map(|name| TopicSettings {
            name,
            tokens: self.tokens.clone(),
        })
    }
}

/// What the arguments say of notifications. Makes no file yet.
pub(super) fn topic(arguments: &Arguments, place: &Place) -> Result<Topics, Failure> {
    Ok(Topics {
        tokens: Arc::new(TopicTokens::new(
            place.secrets(),
            Arc::new(SystemClock),
            arguments.topic_token_lifetime,
        )),
        name: arguments.topic_name()?,
    })
}

/// Starts the host. Must be called inside a tokio runtime.
pub(super) fn assemble(
    arguments: &Arguments,
    place: &Place,
    configuration: Configuration,
    dm_host: String,
) -> Result<Parts, Failure> {
    let Configuration {
        location,
        files,
        registry,
        open,
    } = configuration;
    let topic = topic(arguments, place)?;
    let push_callers = arguments.push.callers()?;
    let entrance = place.entrance_with(topic.settings())?;
    let loader = Loader {
        registry: registry.clone(),
        host: entrance.host(),
        dm_host: dm_host.clone(),
    };
    let (loaded, findings) = loader.load(&files);
    // A single bad entry must not keep the good ones from being served; a file of which nothing can be
    // made is another matter.
    if loaded.is_unusable(&files) {
        return Err(Failure::Findings(findings));
    }
    let backends = Arc::new(place::live(
        registry,
        loaded.distributors.clone(),
        entrance.host(),
        dm_host,
    ));
    let targets = Targets {
        backends: backends.clone(),
        access: Arc::new(Access::nobody()),
        templates: Arc::new(Templates::default()),
    };
    targets.take(loaded, !open);
    let store: Arc<dyn Store> = Arc::new(place.write()?);
    let source: Arc<dyn DistributorSource> = backends;
    let settings = Settings {
        max_unfinished: arguments.jobs,
        ..Settings::default()
    };
    let engine = Engine::start(entrance, store, source, settings)?;
    let callers: Arc<dyn Callers> = match open {
        true => Arc::new(Open),
        false => Arc::new(TokenDirectory::new(place.tokens())),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let queue_tokens = QueueTokens::new(place.secrets(), clock.clone());
    let inbound = Inbound {
        receiver: Receiver::new(engine.clone(), topic.tokens, clock.clone()),
        push_callers,
        task_queue: TaskQueueReceiver::new(engine.clone(), queue_tokens, clock.clone()),
    };
    let api = Api::new(distributor_api::Parts {
        engine,
        clock,
        access: targets.access.clone(),
        templates: targets.templates.clone(),
        inbound,
    });
    Ok(Parts {
        api,
        callers,
        watch: Watch::new(location, files, loader, targets, !open),
        findings,
    })
}
