//! `serve`: the API on a port, in front of a host.
//!
//! It puts the parts together and ends them in order. It refuses to know what a call means or how it
//! travels: that is `distributor-api`'s and `distributor-server`'s.

mod args;
mod parts;
#[cfg(feature = "pubsub")]
mod pull;
mod push;

use std::sync::Arc;
use std::time::Duration;

use distributor_core::SystemClock;
use distributor_server::Bound;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::args::Global;
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::signals::Signals;
use parts::Parts;

pub(crate) use args::Arguments;

/// How long what still reads or waits may hold up the end of the program.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn serve(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of(global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads)
        .enable_all()
        .build()
        .map_err(Failure::system("start the runtime"))?;
    let exit = runtime.block_on(execute(global, arguments, &place));
    runtime.shutdown_timeout(PATIENCE);
    exit
}

async fn execute(global: &Global, arguments: &Arguments, place: &Place) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::system("listen for signals"))?;
    let configuration = parts::configuration(global, arguments)?;
    if configuration.open && !arguments.listen.ip().is_loopback() {
        return Err(Failure::Input(format!(
            "--listen: whoever reaches {} could run anything here, because nobody has to say who he is; \
             put an acls.cfg into --config-dir and create tokens with `distributor token create`, or \
             listen on loopback",
            arguments.listen
        )));
    }
    #[cfg(feature = "pubsub")]
    let source = arguments.pull.source()?;
    // The port before the state: a service that cannot be reached must not take the state's lock.
    let bound = Bound::new(arguments.settings(configuration.open))
        .await
        .map_err(|error| Failure::Input(error.to_string()))?;
    let url = arguments.url(bound.address());
    let dm_host = arguments.public_host(bound.address())?;
    let Parts {
        api,
        callers,
        watch,
        findings,
    } = parts::assemble(arguments, place, configuration, dm_host)?;
    for finding in &findings.problems {
        output::note(format_args!("left out: {finding}"));
    }

    let look_again = Arc::new(Notify::new());
    let watching = tokio::spawn(watch.run(Arc::new(SystemClock), look_again.clone()));
    let reloading = tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            look_again.notify_one();
        }
    });
    if arguments.json.json {
        output::json(&json!({ "url": url, "pid": std::process::id() }))?;
    } else {
        output::line(&url)?;
    }
    output::note(format_args!(
        "serving at {url} (interrupt to stop; what runs is left running)"
    ));
    let engine = api.parts().engine.clone();
    #[cfg(feature = "pubsub")]
    let pulling = source.map(|source| source.start(api.clone()));
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let mut serving = tokio::spawn(bound.serve(api, callers, async move {
        let _gone = stopping.await;
    }));
    let crashed = tokio::select! {
        () = signals.next() => false,
        _ended = &mut serving => true,
    };
    watching.abort();
    reloading.abort();
    if crashed {
        return Err(Failure::Internal("the server has stopped".to_owned()));
    }
    output::note("stopping: finishing the calls under way (interrupt again to leave at once)");
    let _gone = stop.send(());
    let end = async {
        let _panicked = serving.await;
        #[cfg(feature = "pubsub")]
        if let Some(pulling) = pulling {
            pulling.stop().await;
        }
        engine.stop().await;
    };
    tokio::select! {
        () = end => Ok(Exit::Finished),
        () = signals.next() => Ok(Exit::Interrupted),
    }
}
