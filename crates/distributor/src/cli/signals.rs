//! The wish of a person or a service manager that the run ends: SIGINT and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Failure;

/// Both signals, from when it was made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on the signals do not end the process. Needs a tokio runtime.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::system("listen for signals"));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one of either.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _any = self.interrupt.recv() => {}
            _any = self.terminate.recv() => {}
        }
    }
}
