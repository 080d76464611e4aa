//! As much of HTTP/1.1 as a request with an answer needs: no test shall need a library to be a client.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::running::GUARD;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A connection that is used again as long as the other side lets it.
#[derive(Debug)]
pub struct Connection {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// To `IP:PORT`; nothing is opened yet.
    pub fn to(address: &str) -> Self {
        Connection {
            address: address.to_owned(),
            stream: None,
        }
    }

    /// Posts `body` to `path`.
    ///
    /// # Errors
    /// If there is no whole answer. The next call opens it anew.
    pub fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        self.send(&request)
    }

    /// Sends these bytes as they are, and reads an answer.
    ///
    /// # Errors
    /// If there is no whole answer. The next call opens it anew.
    pub fn send(&mut self, request: &[u8]) -> std::io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_read_timeout(Some(GUARD))?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.get_mut().write_all(request)?;
        let reply = read(&mut stream)?;
        if !reply.header("connection").eq_ignore_ascii_case("close") {
            self.stream = Some(stream);
        }
        Ok(reply)
    }
}

fn read(from: &mut impl BufRead) -> std::io::Result<Reply> {
    let cut_off = || std::io::Error::other("the answer is cut off");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head)? == 0 {
            return Err(cut_off());
        }
    }
    let mut reply = parse_head(&head).ok_or_else(cut_off)?;
    let length = reply.header("content-length").parse();
    reply.body = vec![0; length.map_err(|_| cut_off())?];
    from.read_exact(&mut reply.body)?;
    Ok(reply)
}

impl Reply {
    /// What a pRPC call has answered, in JSON.
    ///
    /// # Errors
    /// The code and the message of a failed call.
    ///
    /// # Panics
    /// If it is no JSON.
    #[track_caller]
    pub fn understand(&self) -> Result<Value, (u32, String)> {
        let code = self.header("x-prpc-grpc-code").parse().unwrap_or(u32::MAX);
        let text = self.text();
        if code != 0 {
            return Err((code, text.trim_end().to_owned()));
        }
        let json = text.strip_prefix(")]}'\n").unwrap_or(&text);
        match serde_json::from_str(json) {
            Ok(value) => Ok(value),
            Err(error) => panic!("no JSON: {error}\n{text}"),
        }
    }
}

/// Posts `body` to `path` of `address` (`IP:PORT`), on a connection of its own.
///
/// # Errors
/// If there is no whole answer: nobody listens, or the server went away.
pub fn post(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(GUARD))?;
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other("the answer is cut off"))
}

/// Gets `path` of `address` (`IP:PORT`), on a connection of its own.
///
/// # Errors
/// If there is no whole answer.
pub fn get(address: &str, path: &str) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(GUARD))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other("the answer is cut off"))
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let mut reply = parse_head(answer.get(..end)?)?;
    reply.body = answer.get(end..)?.to_vec();
    let whole = match reply.headers.get("content-length") {
        Some(length) => length.parse() == Ok(reply.body.len()),
        None => true,
    };
    whole.then_some(reply)
}

fn parse_head(head: &[u8]) -> Option<Reply> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Reply {
        status,
        headers,
        body: Vec::new(),
    })
}
