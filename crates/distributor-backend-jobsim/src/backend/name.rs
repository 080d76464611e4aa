//! Names of tasks: the token `POOL|QUEST|ATTEMPT|EXECUTION`, and the URL that shows it.
//!
//! It refuses to know which tasks exist.

use std::fmt::Write as _;

use distributor_core::{Config, Error, ErrorKind, ExecutionId, Result, Token};

/// The token of an execution: the same for each repetition of `run` (DC-26), another for each
/// execution (DC-72).
pub(super) fn token(pool: &str, execution: ExecutionId) -> Token {
    Token(format!("{pool}|{execution}"))
}

/// The execution that a token of this pool names.
///
/// # Errors
/// `NotFound`: it names none, or one of another pool.
pub(super) fn execution(pool: &str, token: &Token) -> Result<ExecutionId> {
    let id = token
        .0
        .strip_prefix(pool)
        .and_then(|rest| rest.strip_prefix('|'))
        .and_then(|id| id.parse().ok());
    id.ok_or_else(|| unknown(token))
}

/// There is no such task.
pub(super) fn unknown(token: &Token) -> Error {
    Error::new(ErrorKind::NotFound, format!("no task has token `{token}`"))
}

/// `jobsim://NAME/ver/VERSION/tok/TOKEN`; what would end a part of it early is escaped.
pub(super) fn info_url(config: &Config, token: &Token) -> String {
    let mut url = "jobsim://".to_owned();
    escape(&mut url, config.name());
    url.push_str("/ver/");
    escape(&mut url, config.version());
    url.push_str("/tok/");
    escape(&mut url, &token.0);
    url
}

fn escape(url: &mut String, part: &str) {
    for byte in part.bytes() {
        match byte {
            b'/' | b'?' | b'#' | b'%' | b' ' | b'"' | b'<' | b'>' | 0..0x20 | 0x7f.. => {
                // Writing to a string cannot fail.
                let _infallible = write!(url, "%{byte:02X}");
            }
            byte => url.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_an_execution_of_its_own_pool_only() {
        let id: ExecutionId = format!("{}|1|2", "A".repeat(43)).parse().unwrap();
        for pool in ["main", "a|b", "ü"] {
            let token = token(pool, id);
            assert_eq!(execution(pool, &token).unwrap(), id);
            let other = execution("mai", &token).unwrap_err();
            assert_eq!(other.kind(), ErrorKind::NotFound);
        }
        for bogus in ["", "main", "main|", "main|x|1|1"] {
            assert!(execution("main", &Token(bogus.to_owned())).is_err());
        }
    }
}
