//! A running `distributor serve`, and calls to it as any language could make them.

use rustix::process::Signal;
use serde_json::Value;

use crate::http::{Reply, post};
use crate::place::{Done, Place};
use crate::running::Running;

/// A service; killed if it is dropped before its end.
#[derive(Debug)]
pub struct Service {
    /// The process.
    pub running: Running,
    /// `http://IP:PORT`.
    pub url: String,
    bearer: Option<String>,
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
        let mut running = self.start(fixed.iter().chain(arguments));
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
        }
    }
}

impl Service {
    /// From now on calls show this token.
    pub fn show(&mut self, bearer: &str) {
        self.bearer = Some(bearer.to_owned());
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
        Ok(understand(&reply))
    }
}

fn understand(reply: &Reply) -> Result<Value, (u32, String)> {
    let code = reply.header("x-prpc-grpc-code").parse().unwrap_or(u32::MAX);
    let text = reply.text();
    if code != 0 {
        return Err((code, text.trim_end().to_owned()));
    }
    let json = text.strip_prefix(")]}'\n").unwrap_or(&text);
    match serde_json::from_str(json) {
        Ok(value) => Ok(value),
        Err(error) => panic!("no JSON: {error}\n{text}"),
    }
}
