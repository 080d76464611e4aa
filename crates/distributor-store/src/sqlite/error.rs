//! From the engine's errors to the store's.

use rusqlite::{Error, ErrorCode};

use crate::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        use ErrorCode::{DatabaseCorrupt, NotADatabase};
        let is_damage = match &error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => true,
            _ => matches!(
                error.sqlite_error_code(),
                Some(DatabaseCorrupt | NotADatabase)
            ),
        };
        if is_damage {
            return StoreError::Damaged {
                what: "state file".to_owned(),
                detail: format!("{error}; restore it from a backup, or remove it to start anew"),
            };
        }
        StoreError::Engine(Box::new(error))
    }
}

/// True if a row with this key exists already.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// A number as SQLite has it. Numbers that do not fit (from 2^63 on) are refused.
pub(super) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Engine(TooLarge(number).into()))
}

/// A bound of a query; what does not fit is as good as no bound.
pub(super) fn bound(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[derive(Debug, thiserror::Error)]
#[error("number {0} is too large to be stored: the limit is 9223372036854775807")]
struct TooLarge(u64);
