//! `ReadLog`: a piece of what an execution has written, from the backend that ran it.

use std::sync::Arc;

use distributor_core::{Distributor, ErrorKind, ExecutionId, LogChunk, LogStream, Token};
use distributor_proto::control;
use distributor_proto::control::read_log_request::Stream;

use super::reading::{backend_failed, size};
use crate::access::Caller;
use crate::api::Api;
use crate::blocking::{blocking, store_failed};
use crate::status::{Code, Status};

/// Most bytes of one answer.
const LARGEST_CHUNK: usize = 1024 * 1024;

impl Api {
    /// `distributor.control.Control.ReadLog`.
    ///
    /// # Errors
    /// `PermissionDenied`; `InvalidArgument`; `NotFound` for an unknown execution, or if its backend keeps
    /// its output no more; `Unimplemented` if its backend keeps no outputs; what the backend says.
    pub async fn read_log(
        &self,
        caller: &Caller,
        request: control::ReadLogRequest,
    ) -> Result<control::ReadLogResponse, Status> {
        self.parts().access.check_reader(caller)?;
        let id = request
            .execution
            .as_ref()
            .ok_or_else(|| Status::invalid("execution", "it is missing"))?;
        let id = ExecutionId::try_from(id).map_err(|error| Status::invalid("execution", error))?;
        let stream = match Stream::try_from(request.stream) {
            Ok(Stream::Stdout) => LogStream::Stdout,
            Ok(Stream::Stderr) => LogStream::Stderr,
            Err(_) => return Err(Status::invalid("stream", "use STDOUT or STDERR")),
        };
        let limit = size(request.limit, LARGEST_CHUNK, LARGEST_CHUNK);
        let (backend, token) = self.backend_of(id).await?;
        let read = backend.read_log(&token, stream, request.offset, limit);
        let chunk = read.await.map_err(|error| match error.kind() {
            ErrorKind::Unsupported => unsupported(&error, &backend.info_url(&token)),
            _ => backend_failed(&error),
        })?;
        Ok(answer(chunk, limit))
    }

    /// The backend that an execution was started with, and its name for the task.
    async fn backend_of(&self, id: ExecutionId) -> Result<(Arc<dyn Distributor>, Token), Status> {
        let engine = self.parts().engine.clone();
        blocking(move || {
            let record = engine
                .store()
                .execution(id.attempt, id.number)
                .map_err(|error| store_failed(&error))?
                .ok_or_else(|| {
                    let message = format!("execution: there is no execution {id}");
                    Status::new(Code::NotFound, message)
                })?;
            let backend = engine
                .source()
                .distributor(&record.config)
                .map_err(|error| backend_failed(&error))?;
            Ok((backend, record.token))
        })
        .await
    }
}

fn unsupported(error: &distributor_core::Error, url: &str) -> Status {
    let message = match url {
        "" => error.to_string(),
        url => format!("{error}: {url}"),
    };
    Status::new(Code::Unimplemented, message)
}

/// No more than was asked for, whatever the backend gives.
fn answer(mut chunk: LogChunk, limit: usize) -> control::ReadLogResponse {
    let complete = chunk.complete && chunk.data.len() <= limit;
    chunk.data.truncate(limit);
    control::ReadLogResponse {
        data: chunk.data,
        complete,
    }
}
