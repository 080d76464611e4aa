//! What a task has written, as a piece of a log.
//!
//! Swarming keeps one stream for both and gives it as text, with the bytes that are no UTF-8 replaced.
//! Offsets count the task's bytes, so the output of a program that writes no UTF-8 shows some of it twice
//! or not at all; its info url has all of it.

use distributor_core::{LogChunk, LogStream, Result, Token};

use crate::client::Client;
use crate::state::State;

/// What stands for bytes that are no UTF-8.
const REPLACEMENT: char = '\u{fffd}';

/// See [`Distributor::read_log`](distributor_core::Distributor::read_log).
pub(crate) async fn read(
    client: &Client,
    token: &Token,
    stream: LogStream,
    offset: u64,
    limit: usize,
) -> Result<LogChunk> {
    if stream == LogStream::Stderr {
        // It is in the other stream.
        return Ok(LogChunk {
            data: Vec::new(),
            complete: true,
        });
    }
    if limit == 0 {
        return Ok(LogChunk::default());
    }
    let answer = client.output(&token.0, offset, limit).await?;
    let is_over = !answer.state.is_empty() && State::parse(&answer.state).unfinished().is_none();
    Ok(chunk(answer.output, is_over, limit))
}

fn chunk(output: String, is_over: bool, limit: usize) -> LogChunk {
    let is_end = output.len() < limit;
    let complete = is_over && is_end;
    let mut end = output.floor_char_boundary(limit);
    if !complete {
        // A character that the limit or the moment cut in two comes whole with the next piece.
        let whole = output
            .get(..end)
            .unwrap_or_default()
            .trim_end_matches(REPLACEMENT);
        if !whole.is_empty() {
            end = whole.len();
        }
    }
    let mut data = output.into_bytes();
    data.truncate(end);
    LogChunk { data, complete }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, is_over: bool, limit: usize, data: &str, complete: bool) {
        let chunk = chunk(output.to_owned(), is_over, limit);
        assert_eq!(String::from_utf8(chunk.data).as_deref(), Ok(data));
        assert_eq!(chunk.complete, complete, "{output:?}");
    }

    #[test]
    fn a_piece_is_complete_if_the_task_is_over_and_nothing_follows() {
        check("", false, 10, "", false);
        check("", true, 10, "", true);
        check("abc", false, 10, "abc", false);
        check("abc", true, 10, "abc", true);
        check("abc", true, 3, "abc", false);
        check("abc", true, 4, "abc", true);
    }

    #[test]
    fn a_character_that_is_cut_in_two_is_left_for_the_next_piece() {
        check("ab\u{fffd}", false, 10, "ab", false);
        check("ab\u{fffd}", true, 3, "ab", false);
        // It will never be whole.
        check("ab\u{fffd}", true, 10, "ab\u{fffd}", true);
        // Nothing but such: better shown than waited for.
        check("\u{fffd}\u{fffd}", false, 10, "\u{fffd}\u{fffd}", false);
        check("\u{fffd}", false, 2, "", false);
    }

    #[test]
    fn no_piece_is_longer_than_asked_for() {
        check("aé", true, 2, "a", false);
        check("abcdef", false, 4, "abcd", false);
    }
}
