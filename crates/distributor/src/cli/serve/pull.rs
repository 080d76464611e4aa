//! The pull receiver: what can be typed, and how it runs beside the server.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use distributor_api::Api;
use distributor_core::{Clock, SystemClock};
use distributor_pubsub::{
    Client, CredentialSource, Credentials, EMULATOR_VARIABLE, Endpoint, PullReceiver, Settings,
    SetupError, Subscription,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cli::exit::Failure;

/// Arguments about the subscription that messages are pulled from.
#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// Take notifications from this Pub/Sub subscription too: projects/PROJECT/subscriptions/NAME
    ///
    /// For a service that Pub/Sub cannot push to. With PUBSUB_EMULATOR_HOST=HOST:PORT in the environment
    /// they come from an emulator, which needs no credentials.
    #[arg(long, value_name = "SUBSCRIPTION", help_heading = "Notifications")]
    pull: Option<String>,
    /// File with an access token for the subscription, read again for each call
    ///
    /// The token alone, or JSON with "access_token".
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Notifications",
        requires = "pull",
        conflicts_with = "pull_credentials_command"
    )]
    pull_credentials: Option<PathBuf>,
    /// Line for a shell that prints such a token, for example 'gcloud auth print-access-token'
    ///
    /// What it prints is used for five minutes or, if it is JSON with "expires_in", until shortly before
    /// that many seconds have passed.
    #[arg(
        long,
        value_name = "COMMAND",
        help_heading = "Notifications",
        requires = "pull"
    )]
    pull_credentials_command: Option<String>,
}

/// A subscription that can be pulled from.
pub(super) struct Source {
    client: Client,
    subscription: Subscription,
    clock: Arc<dyn Clock>,
}

/// A pull receiver at work.
pub(super) struct Pulling {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl PullArguments {
    /// The subscription, if one was named. Calls nothing.
    pub(super) fn source(&self) -> Result<Option<Source>, Failure> {
        let Some(name) = &self.pull else {
            return Ok(None);
        };
        let wrong = |error: SetupError| Failure::Input(format!("--pull: {error}"));
        let subscription = name.parse().map_err(wrong)?;
        let endpoint = match std::env::var(EMULATOR_VARIABLE) {
            Ok(host) if !host.is_empty() => Endpoint::emulator(&host)
                .map_err(|error| Failure::Input(format!("{EMULATOR_VARIABLE}: {error}")))?,
            _ => Endpoint::google().map_err(wrong)?,
        };
        let source = match (&self.pull_credentials, &self.pull_credentials_command) {
            (Some(file), _) => Some(CredentialSource::File(file.clone())),
            (None, Some(line)) => Some(CredentialSource::Command(line.clone())),
            (None, None) if endpoint.is_emulator() => None,
            (None, None) => {
                return Err(Failure::Input(format!(
                    "--pull: give --pull-credentials or --pull-credentials-command, or set \
                     {EMULATOR_VARIABLE}"
                )));
            }
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let credentials = source.map(|source| Credentials::new(source, clock.clone()));
        Ok(Some(Source {
            client: Client::new(endpoint, credentials, clock.clone()).map_err(wrong)?,
            subscription,
            clock,
        }))
    }
}

impl Source {
    /// Begins to take messages. Must be called inside a tokio runtime.
    pub(super) fn start(self, api: Api) -> Pulling {
        let receiver = PullReceiver::new(
            self.client,
            self.subscription,
            Arc::new(api),
            self.clock,
            Settings::default(),
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(receiver.run(async move {
            let _gone = stopped.await;
        }));
        Pulling { stop, task }
    }
}

impl Pulling {
    /// Takes no more messages, and returns once those that were taken are acknowledged.
    pub(super) async fn stop(self) {
        let _gone = self.stop.send(());
        let _panicked = self.task.await;
    }
}
