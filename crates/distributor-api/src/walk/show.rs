//! What an answer shows of one attempt, but for its edges.

use distributor_core::{DistributorSource, Timestamp, dm};
use distributor_proto::dm::attempt::partial::Result as ResultPart;
use distributor_store::records::{AttemptRecord, ExecutionRecord};
use prost::Message;

use super::limiter::SizeLimiter;
use super::reads::Reads;
use super::view;
use crate::validate::walk::WalkRequest;

/// So many of the newest executions of an attempt are looked at.
const MOST_EXECUTIONS: u32 = 128;
/// The executions of one attempt take at most so many bytes, and the one that exceeds it; result
/// objects not counted.
const MOST_EXECUTION_BYTES: usize = 256 * 1024;

/// Makes the messages of one answer.
pub(super) struct Shower<'a> {
    request: &'a WalkRequest,
    backends: &'a dyn DistributorSource,
    limiter: SizeLimiter,
    now: Timestamp,
}

impl<'a> Shower<'a> {
    pub(super) fn new(
        request: &'a WalkRequest,
        backends: &'a dyn DistributorSource,
        now: Timestamp,
    ) -> Self {
        Shower {
            request,
            backends,
            limiter: SizeLimiter::new(request.max_data_size),
            now,
        }
    }

    /// What was asked for of this attempt; results only if they are `visible` to the caller.
    pub(super) fn show(
        &self,
        record: &AttemptRecord,
        visible: bool,
        reads: &mut Reads<'_>,
    ) -> dm::Attempt {
        let include = &self.request.include;
        let mut attempt = dm::Attempt {
            id: include.attempt.ids.then(|| record.id.into()),
            ..dm::Attempt::default()
        };
        if include.attempt.data {
            let part = self.result_part(record, visible);
            let with_object = part == Some(ResultPart::Loaded);
            attempt.data = Some(view::attempt_data(record, with_object));
            match part {
                None | Some(ResultPart::Loaded) => {}
                Some(part) => attempt.partial.get_or_insert_default().set_result(part),
            }
        }
        if include.num_executions > 0 && !self.show_executions(record, visible, &mut attempt, reads)
        {
            attempt.partial.get_or_insert_default().executions = true;
        }
        attempt
    }

    /// What becomes of the result object; `None` if there is none or it was not asked for.
    fn result_part(&self, record: &AttemptRecord, visible: bool) -> Option<ResultPart> {
        if !self.request.include.attempt.result {
            return None;
        }
        let result = view::attempt_result(record)?;
        Some(if !visible {
            ResultPart::NotAuthorized
        } else if self.limiter.take(result.size) {
            ResultPart::Loaded
        } else {
            ResultPart::DataSizeLimit
        })
    }

    /// Adds the newest executions of the asked kinds; false if some that were asked for are missing.
    fn show_executions(
        &self,
        record: &AttemptRecord,
        visible: bool,
        attempt: &mut dm::Attempt,
        reads: &mut Reads<'_>,
    ) -> bool {
        let asked = self.request.include.num_executions;
        let Some(newest) = self.newest_executions(record, reads) else {
            return false;
        };
        let looked_at_all = newest.len() >= record.current_execution as usize;
        let mut bytes = 0;
        for execution in newest.iter().filter(|it| self.is_asked_for(it)) {
            if attempt.executions.len() >= asked as usize {
                return true;
            }
            if bytes > MOST_EXECUTION_BYTES {
                return false;
            }
            let shown = self.execution(record, execution, visible);
            let object = view::execution_result(execution).map_or(0, |it| it.object.len());
            bytes += shown.encoded_len().saturating_sub(object);
            attempt.executions.insert(execution.number, shown);
        }
        looked_at_all || attempt.executions.len() >= asked as usize
    }

    /// Enough of the newest executions; most attempts have but one, which is part of their record.
    fn newest_executions(
        &self,
        record: &AttemptRecord,
        reads: &mut Reads<'_>,
    ) -> Option<Vec<ExecutionRecord>> {
        if record.current_execution == 0 {
            return Some(Vec::new());
        }
        if let Some(current) = &record.execution {
            let is_enough = self.request.include.num_executions == 1 && self.is_asked_for(current);
            if is_enough || record.current_execution == 1 {
                return Some(vec![current.clone()]);
            }
        }
        reads.executions(record.id, MOST_EXECUTIONS as usize)
    }

    fn is_asked_for(&self, execution: &ExecutionRecord) -> bool {
        let options = &self.request.include.execution;
        let result = view::execution_result(execution);
        (options.abnormal || !view::is_execution_abnormal(execution))
            && (options.expired || !view::is_expired(result, self.now))
    }

    fn execution(
        &self,
        record: &AttemptRecord,
        execution: &ExecutionRecord,
        visible: bool,
    ) -> dm::Execution {
        let options = &self.request.include.execution;
        let with_object = options.result
            && visible
            && view::execution_result(execution).is_some_and(|it| self.limiter.take(it.size));
        let id = record.id.execution(execution.number);
        dm::Execution {
            id: options.ids.then(|| id.into()),
            data: Some(view::execution_data(execution, with_object, self.backends)),
            partial: false,
        }
    }
}
