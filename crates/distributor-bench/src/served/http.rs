//! The least of an HTTP/1.1 client: one request after the other over one connection.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 32 << 20;

/// A connection.
pub(super) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Connection {
    pub(super) async fn new(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let stream = BufReader::new(stream);
        Ok(Connection { address, stream })
    }

    /// Posts `body` to `path`; its type is also the one that is wanted back.
    pub(super) async fn post(&mut self, path: &str, content: &str, body: &[u8]) -> Result<Answer> {
        let mut message = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n\
             Content-Type: {content}\r\nAccept: {content}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(body);
        self.stream.write_all(&message).await?;
        self.stream.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        let line = self.line().await?;
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status: u16 = status.with_context(|| format!("an odd answer: {line}"))?;
        // An answer without content says nothing of its length.
        let mut length = (status == 204).then_some(0);
        loop {
            let header = self.line().await?;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').context("an odd header")?;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.context("an answer does not say how long it is")?;
        if length > LONGEST_ANSWER {
            bail!("an answer of {length} bytes is too long");
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, body })
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").context("a line has no end")?;
        Ok(line.to_owned())
    }
}
