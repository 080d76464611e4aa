//! What can be typed after `serve`, and what it means for the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use distributor_host::topic::TopicName;
use distributor_server::{Certificate, Settings};

use super::push::PushArguments;
use crate::cli::args::{Json, at_least_one, with_exit_codes};
use crate::cli::duration;
use crate::cli::exit::Failure;

/// Where it listens unless told otherwise.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8650);
/// How long the calls under way may take once the service shall stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Default of `--topic-token-lifetime`, see [`distributor_host::topic::DEFAULT_LIFETIME`].
const DEFAULT_TOKEN_LIFETIME: &str = "48h";

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one
    ///
    /// Anything but loopback demands that authentication is configured: an acls.cfg in --config-dir, and
    /// tokens (see `distributor token`).
    #[arg(long, value_name = "IP:PORT", default_value_t = DEFAULT_ADDRESS)]
    pub(super) listen: SocketAddr,
    /// Folder with the configuration, watched for changes
    #[arg(
        long,
        value_name = "DIR",
        env = "DISTRIBUTOR_CONFIG_DIR",
        hide_env_values = true,
        conflicts_with = "config"
    )]
    pub(super) config_dir: Option<PathBuf>,
    /// How jobs reach the service: HOST:PORT or https://HOST:PORT [default: the address it listens on]
    #[arg(long, value_name = "HOST")]
    public_host: Option<String>,
    /// PEM file with the certificate chain; serves TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Run at most N jobs at once, on all backends together
    #[arg(long, short = 'j', value_name = "N", value_parser = at_least_one)]
    pub(super) jobs: Option<usize>,
    /// Threads that serve calls
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least_one)]
    pub(super) threads: usize,
    /// Google Cloud project with the topic for notifications
    ///
    /// Backends may then ask foreign systems to publish changes of their tasks to
    /// projects/ID/topics/dm-distributor-notify. Without --project and --topic they have to ask again and
    /// again.
    #[arg(long, value_name = "ID", help_heading = "Notifications")]
    project: Option<String>,
    /// Topic for notifications: projects/ID/topics/NAME, or NAME with --project
    #[arg(long, value_name = "NAME", help_heading = "Notifications")]
    topic: Option<String>,
    /// How late a notification may come, for example 30m or 48h
    ///
    /// Counts from the start of its execution. What comes later is dropped, and found by asking the
    /// backend.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = DEFAULT_TOKEN_LIFETIME,
        value_parser = duration::lifetime,
        help_heading = "Notifications"
    )]
    pub(super) topic_token_lifetime: Duration,
    #[command(flatten)]
    pub(super) push: PushArguments,
    #[cfg(feature = "pubsub")]
    #[command(flatten)]
    pub(super) pull: super::pull::PullArguments,
    #[command(flatten)]
    pub(super) json: Json,
}

const HELP: &str = "\
It prints its URL once it listens, and runs until SIGTERM or SIGINT: then it finishes the calls
under way, and leaves running tasks be; the next `serve` or `run` in the same state directory finds
them.

The configuration folder:
  distributors.cfg                            the distributor configurations (see `config check`)
  acls.cfg                                    who may do what; if it is there, callers need tokens
  projects/PROJECT/dm/quest_templates.cfg     quest templates
  revision                                    optional: what this revision is called
It is looked at every second, and at once on SIGHUP. A version with a problem is refused: the log
says why, and the former one stays. What runs keeps the configuration that it was started with.

An acls.cfg:
  readers: \"everyone\"     # groups that may look
  writers: \"builders\"     # groups that may also create and cancel

Examples:
  distributor serve
  distributor serve --listen 0.0.0.0:8650 --config-dir /etc/distributor \\
      --public-host dm.example.com:8650 --tls-certificate chain.pem --tls-key key.pem
  distributor serve --project my-project
  distributor serve --listen 127.0.0.1:0 --json

The API: dm.Deps and distributor.control.Control over gRPC (reflection is on) and pRPC
(POST /prpc/dm.Deps/EnsureGraphData, as JSON, text or binary). A Pub/Sub subscription pushes
notifications to /internal/pubsub, and an external queue its tasks to /tq/distributor/NAME (see
`distributor secrets queue-token`).";

impl Arguments {
    /// How the server shall listen.
    pub(super) fn settings(&self, open: bool) -> Settings {
        let certificate = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(Certificate {
                certificates: certificates.clone(),
                key: key.clone(),
            }),
            _ => None,
        };
        Settings {
            address: self.listen,
            certificate,
            open,
            patience: PATIENCE,
        }
    }

    /// Where clients on this machine reach the server that listens on `address`.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        let scheme = match self.tls_certificate {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{address}")
    }

    /// The topic for notifications, if there is one (DC-19).
    pub(super) fn topic_name(&self) -> Result<Option<TopicName>, Failure> {
        let (flag, name) = match (&self.project, &self.topic) {
            (None, None) => return Ok(None),
            (Some(project), None) => ("--project", TopicName::of_project(project)),
            (None, Some(topic)) if !topic.contains('/') => {
                return Err(Failure::Input(format!(
                    "--topic: {topic:?} does not say in which project it is: give --project too, or write \
                     projects/PROJECT/topics/{topic}"
                )));
            }
            (None, Some(topic)) => ("--topic", TopicName::parse(topic)),
            (Some(_), Some(topic)) if topic.contains('/') => {
                return Err(Failure::Input(
                    "--topic: a full name says the project already: leave out --project".to_owned(),
                ));
            }
            (Some(project), Some(topic)) => {
                let flag = match TopicName::of_project(project) {
                    Ok(_) => "--topic",
                    Err(_) => "--project",
                };
                (flag, TopicName::in_project(project, topic))
            }
        };
        name.map(Some)
            .map_err(|error| Failure::Input(format!("{flag}: {error}")))
    }

    /// What backends tell their jobs (DC-12).
    pub(super) fn public_host(&self, address: SocketAddr) -> Result<String, Failure> {
        match &self.public_host {
            Some(host) if host.trim().is_empty() => Err(Failure::Input(
                "--public-host: write HOST:PORT or https://HOST:PORT".to_owned(),
            )),
            Some(host) => Ok(host.clone()),
            None if address.ip().is_unspecified() => Err(Failure::Input(format!(
                "--public-host: no job can reach {address}; say under which name they can"
            ))),
            None if self.tls_certificate.is_some() => Ok(self.url(address)),
            None => Ok(address.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use distributor_host::topic::DEFAULT_LIFETIME;

    use super::*;

    #[test]
    fn the_lifetime_that_help_shows_is_the_hosts() {
        let shown = duration::lifetime(DEFAULT_TOKEN_LIFETIME);
        assert_eq!(shown, Ok(DEFAULT_LIFETIME));
    }
}
