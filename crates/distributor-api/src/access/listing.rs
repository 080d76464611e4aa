//! Which tokens there are, for whoever looks after them.

use std::io;
use std::path::PathBuf;

use distributor_core::Timestamp;

use super::token::TokenId;
use super::tokens::{SUFFIX, TokenDirectory, TokenError, read, system};

/// A token, without what makes it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Names it.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// The groups that its caller is in.
    pub groups: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// The file of a token that cannot be read. Whoever shows this token is told to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedToken {
    /// Names it; good for [`TokenDirectory::revoke`].
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// What is in a [`TokenDirectory`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenList {
    /// In the order of their creation, then of their ids.
    pub tokens: Vec<TokenInfo>,
    /// In the order of their ids.
    pub damaged: Vec<DamagedToken>,
}

impl TokenDirectory {
    /// All tokens. Other files are not looked at.
    ///
    /// # Errors
    /// `System` if the directory cannot be read; one that does not exist holds none.
    pub fn list(&self) -> Result<TokenList, TokenError> {
        let entries = match std::fs::read_dir(self.path()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(TokenList::default());
            }
            Err(error) => return Err(system("read", self.path())(error)),
        };
        let mut list = TokenList::default();
        for entry in entries {
            let name = entry.map_err(system("read", self.path()))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            let Some(id) = id.and_then(TokenId::parse) else {
                continue;
            };
            let path = self.path().join(&name);
            match info(&id, &path) {
                Ok(info) => list.tokens.push(info),
                // Revoked meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => list.damaged.push(DamagedToken {
                    id: id.to_string(),
                    path,
                    problem: error.to_string(),
                }),
            }
        }
        list.tokens
            .sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        list.damaged.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(list)
    }
}

fn info(id: &TokenId, path: &std::path::Path) -> io::Result<TokenInfo> {
    let file = read(path)?;
    let created: prost_types::Timestamp = file
        .created
        .parse()
        .map_err(|_| io::Error::other("it has no time of creation"))?;
    Ok(TokenInfo {
        id: id.as_str().to_owned(),
        name: file.name,
        groups: file.groups,
        created: Timestamp::from_proto(&created),
    })
}
