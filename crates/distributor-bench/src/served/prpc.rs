//! The least of a pRPC client: one call after the other over one connection of HTTP/1.1, in binary.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use distributor_proto::dm;
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 32 << 20;

/// A connection.
pub(super) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(super) async fn new(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let stream = BufReader::new(stream);
        Ok(Connection { address, stream })
    }

    pub(super) async fn ensure_graph_data(
        &mut self,
        request: &dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp> {
        let body = request.encode_to_vec();
        let mut message = format!(
            "POST /prpc/dm.Deps/EnsureGraphData HTTP/1.1\r\nHost: {}\r\n\
             Content-Type: application/prpc\r\nAccept: application/prpc\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(&body);
        self.stream.write_all(&message).await?;
        self.stream.flush().await?;
        let answer = self.answer().await?;
        dm::EnsureGraphDataRsp::decode(answer.as_slice()).context("reading an answer")
    }

    /// The body of an answer that is no failure.
    async fn answer(&mut self) -> Result<Vec<u8>> {
        let status = self.line().await?;
        let mut length = None;
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
        if !status.starts_with("HTTP/1.1 200") {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").context("a line has no end")?;
        Ok(line.to_owned())
    }
}
