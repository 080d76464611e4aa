//! One call of pRPC, in binary.

use anyhow::{Context, Result, bail};
use distributor_proto::dm;
use prost::Message as _;

use super::http::Connection;

impl Connection {
    pub(super) async fn ensure_graph_data(
        &mut self,
        request: &dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp> {
        let body = request.encode_to_vec();
        let path = "/prpc/dm.Deps/EnsureGraphData";
        let answer = self.post(path, "application/prpc", &body).await?;
        if answer.status != 200 {
            let text = String::from_utf8_lossy(&answer.body);
            bail!("{path}: {}: {text}", answer.status);
        }
        dm::EnsureGraphDataRsp::decode(answer.body.as_slice()).context("reading an answer")
    }
}
