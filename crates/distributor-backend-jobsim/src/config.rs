//! What people write in `distributors.cfg`, checked once.
//!
//! It refuses values that would make a token too long or a pool nameless.

use distributor_core::{Error, ErrorKind, Result};

use crate::proto::Config;

/// Longest name of a pool, in bytes: a token must stay below the 4,096 bytes that a host stores.
const LONGEST_POOL: usize = 1024;

/// A checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Namespace of the task ids.
    pub(crate) pool: String,
    /// Tell of ends only when asked.
    pub(crate) do_pollback: bool,
}

impl Settings {
    /// # Errors
    /// `Config`, naming the field.
    pub(crate) fn new(config: Config) -> Result<Self> {
        let Config { pool, do_pollback } = config;
        let problem = match pool.len() {
            0 => "pool must not be empty".to_owned(),
            length if length > LONGEST_POOL => {
                format!("pool has {length} bytes, {LONGEST_POOL} are the most")
            }
            _ => return Ok(Settings { pool, do_pollback }),
        };
        Err(Error::new(ErrorKind::Config, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_a_name_and_not_too_long_a_one() {
        let settings = |pool: String| {
            let do_pollback = true;
            Settings::new(Config { pool, do_pollback }).map_err(|error| error.to_string())
        };
        assert!(settings("p".repeat(1024)).is_ok());
        assert_eq!(
            settings("p".repeat(1025)),
            Err("pool has 1025 bytes, 1024 are the most".to_owned())
        );
        assert_eq!(
            settings(String::new()),
            Err("pool must not be empty".to_owned())
        );
    }
}
