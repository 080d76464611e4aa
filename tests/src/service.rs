//! A running `distributor serve`, and calls to it as any language could make them.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::binary::program;
use crate::changes::Changes;
use crate::http::post;
use crate::place::{Done, Place};
use crate::running::{GUARD, Running};

/// A service; killed if it is dropped before its end.
#[derive(Debug)]
pub struct Service {
    /// The process.
    pub running: Running,
    /// `http://IP:PORT`.
    pub url: String,
    bearer: Option<String>,
    changes: OnceLock<Changes>,
}

impl Place {
    /// Starts a service in this folder, on a free port of loopback, with these further arguments.
    #[track_caller]
    pub fn serve(&self, arguments: &[&str]) -> Service {
        self.serve_at("127.0.0.1:0", arguments)
    }

    /// Starts a service that listens on `address`.
    #[track_caller]
    pub fn serve_at(&self, address: &str, arguments: &[&str]) -> Service {
        let fixed = ["serve", "--listen", address];
        Service::start(self.command(fixed.iter().chain(arguments)))
    }
}

impl Service {
    /// Starts a service with this command, and waits until it serves.
    #[track_caller]
    pub fn start(command: Command) -> Self {
        let mut running = Running::start(command);
        let line = running.wait_for("serving at ");
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http"))
            .expect("an address")
            .to_owned();
        Service {
            running,
            url,
            bearer: None,
            changes: OnceLock::new(),
        }
    }

    /// From now on calls show this token.
    pub fn show(&mut self, bearer: &str) {
        self.bearer = Some(bearer.to_owned());
    }

    /// From now on calls show no token.
    pub fn show_nothing(&mut self) {
        self.bearer = None;
    }

    /// Gives the first `Some` of `look`, which is asked again after each change at the service.
    ///
    /// # Panics
    /// If it never comes.
    #[track_caller]
    pub fn wait_for<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + GUARD;
        while Instant::now() < deadline {
            if let Some(seen) = look() {
                return seen;
            }
            self.changes.get_or_init(|| self.watch()).wait();
        }
        panic!("what was waited for never came");
    }

    fn watch(&self) -> Changes {
        let mut command = program();
        command.args(["watch", "--json", "--server", &self.url]);
        if let Some(bearer) = &self.bearer {
            command.env("DISTRIBUTOR_TOKEN", bearer);
        }
        Changes::start(command)
    }

    /// Kills it.
    pub fn kill(self) {
        self.running.kill();
    }

    /// Asks it to stop and waits for its end.
    pub fn stop(self) -> Done {
        self.running.signal(Signal::TERM);
        self.running.end()
    }

    /// `IP:PORT`.
    pub fn address(&self) -> &str {
        match self.url.split_once("://") {
            Some((_, address)) => address,
            None => &self.url,
        }
    }

    /// Calls a method, `dm.Deps/WalkGraph` for example, over pRPC in JSON.
    ///
    /// # Errors
    /// The code and the message of a failed call.
    #[track_caller]
    pub fn call(&self, method: &str, request: &Value) -> Result<Value, (u32, String)> {
        let reply = self.try_call(method, request);
        reply.unwrap_or_else(|error| panic!("{method}: no answer: {error}"))
    }

    /// Like [`Service::call`], for a service that may be gone.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn try_call(
        &self,
        method: &str,
        request: &Value,
    ) -> std::io::Result<Result<Value, (u32, String)>> {
        let bearer = self.bearer.as_ref().map(|it| format!("Bearer {it}"));
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ];
        if let Some(bearer) = &bearer {
            headers.push(("Authorization", bearer));
        }
        let path = format!("/prpc/{method}");
        let reply = post(
            self.address(),
            &path,
            &headers,
            request.to_string().as_bytes(),
        )?;
        Ok(reply.understand())
    }
}
