//! Bearer tokens in a directory: one small file for each, which holds no secret.
//!
//! A file says whose token it is and the SHA-256 of its secret. It appears as a whole (written aside,
//! then renamed) and is the only truth: whoever removes it revokes the token at once, from any process.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distributor_core::{Secret, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::token::{self, ID_LENGTH, SECRET_BYTES, TokenId};
use super::{Caller, Callers, Identity};
use crate::status::{Code, Status};

/// Longest file of a token that is read, in bytes.
pub(super) const LONGEST_FILE: u64 = 64 * 1024;
/// What the name of a token's file ends with.
pub(super) const SUFFIX: &str = ".json";
/// Longest name of a caller or group, in bytes.
const LONGEST_NAME: usize = 100;
/// Most groups of one token.
const MOST_GROUPS: usize = 100;

/// Why the directory could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A name or group is not one.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which of the two, with its place.
        field: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness for a token: {0}")]
    Random(getrandom::Error),
    /// The operating system refused something.
    #[error("cannot {what} {}: {source}", path.display())]
    System {
        /// What was to be done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A token that was made; its text is shown once and stored nowhere.
#[derive(Debug)]
pub struct NewToken {
    /// Names it from now on.
    pub id: String,
    /// What a caller shows.
    pub token: Secret,
}

/// The tokens of one service, in a directory of their own.
#[derive(Debug, Clone)]
pub struct TokenDirectory {
    directory: PathBuf,
}

/// What a token's file holds.
#[derive(Serialize, Deserialize)]
pub(super) struct TokenFile {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    /// RFC 3339.
    pub(super) created: String,
    /// SHA-256 of the secret, in unpadded base64url.
    digest: String,
}

impl TokenDirectory {
    /// Tokens in `directory`, which may not exist yet: then there are none.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        TokenDirectory {
            directory: directory.into(),
        }
    }

    /// Where the tokens are.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Makes a token for a caller that is in these groups. It is good once this returns.
    ///
    /// # Errors
    /// `Invalid` for a name or group that is empty, longer than 100 bytes or not printable, and for more
    /// than 100 groups; `Random` and `System`: then there is no such token.
    pub fn create(
        &self,
        name: &str,
        groups: &[String],
        created: Timestamp,
    ) -> Result<NewToken, TokenError> {
        check_name("name", name)?;
        if groups.len() > MOST_GROUPS {
            return Err(TokenError::Invalid {
                field: "groups".to_owned(),
                problem: format!("{} are too many: use at most {MOST_GROUPS}", groups.len()),
            });
        }
        for (index, group) in groups.iter().enumerate() {
            check_name(&format!("groups[{index}]"), group)?;
        }
        let mut id = [0; ID_LENGTH];
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut id).map_err(TokenError::Random)?;
        getrandom::fill(&mut secret).map_err(TokenError::Random)?;
        let id = TokenId::from_random(id);
        let file = TokenFile {
            name: name.to_owned(),
            groups: groups.to_vec(),
            created: created.to_string(),
            digest: URL_SAFE_NO_PAD.encode(Sha256::digest(secret)),
        };
        self.make_directory()?;
        self.write(&id, &file)?;
        Ok(NewToken {
            token: token::text(&id, &secret),
            id: id.to_string(),
        })
    }

    /// The id of a whole token, so that its bearer can name it without showing the secret again. `None`
    /// if it is no token; whether it is a good one is not looked at.
    pub fn id_of(token: &str) -> Option<String> {
        token::parse(token).map(|(id, _secret)| id.to_string())
    }

    /// Revokes a token: from now on it is unknown. False if there is none of this id.
    ///
    /// # Errors
    /// `System`: then it may still be good.
    pub fn revoke(&self, id: &str) -> Result<bool, TokenError> {
        let Some(id) = TokenId::parse(id) else {
            return Ok(false);
        };
        let path = self.file_of(&id);
        match fs::remove_file(&path) {
            Ok(()) => {
                sync(&self.directory)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(system("remove", &path)(error)),
        }
    }

    fn file_of(&self, id: &TokenId) -> PathBuf {
        self.directory.join(format!("{id}{SUFFIX}"))
    }

    /// For this user's eyes only, also if somebody else made it.
    fn make_directory(&self) -> Result<(), TokenError> {
        let directory = &self.directory;
        if !directory.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(system("make", directory))?;
            if let Some(parent) = directory.parent() {
                sync(parent)?;
            }
        }
        let metadata = fs::metadata(directory).map_err(system("look at", directory))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
                .map_err(system("protect", directory))?;
        }
        Ok(())
    }

    fn write(&self, id: &TokenId, file: &TokenFile) -> Result<(), TokenError> {
        let aside = self.directory.join(format!("{id}.new"));
        let written = write_new(&aside, file).map_err(system("write", &aside));
        let path = self.file_of(id);
        let renamed =
            written.and_then(|()| fs::rename(&aside, &path).map_err(system("write", &path)));
        if renamed.is_err() {
            // What is left behind is no token: nobody reads it.
            let _left_behind = fs::remove_file(&aside);
        }
        renamed?;
        sync(&self.directory)
    }
}

impl Callers for TokenDirectory {
    /// Reads one small file, so that a token counts from the moment at which it is made until the
    /// moment at which it is revoked.
    fn identify(&self, bearer: Option<&str>) -> Result<Caller, Status> {
        let Some(bearer) = bearer else {
            return Ok(Caller::Anonymous);
        };
        let (id, secret) = token::parse(bearer).ok_or_else(unknown)?;
        let path = self.file_of(&id);
        let file = match read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let digest = Sha256::digest(secret.expose());
        let stored = match URL_SAFE_NO_PAD.decode(&file.digest) {
            Ok(stored) => Secret::new(stored),
            Err(error) => return Err(unreadable(&path, &io::Error::other(error))),
        };
        if !stored.matches(&digest) {
            return Err(unknown());
        }
        Ok(Caller::Named(Identity {
            name: file.name,
            groups: file.groups,
        }))
    }
}

/// Reads a token's file, but not more of it than one can have.
pub(super) fn read(path: &Path) -> io::Result<TokenFile> {
    let mut content = Vec::new();
    let mut file = File::open(path)?.take(LONGEST_FILE + 1);
    file.read_to_end(&mut content)?;
    if content.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other("it is too long for the file of a token"));
    }
    // What the parser says may quote the file.
    serde_json::from_slice(&content).map_err(|_| io::Error::other("it is not the file of a token"))
}

/// What is in a directory survives a power cut only once the directory is written too.
fn sync(directory: &Path) -> Result<(), TokenError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(system("write", directory))
}

fn write_new(path: &Path, file: &TokenFile) -> io::Result<()> {
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut text = serde_json::to_vec_pretty(file).map_err(io::Error::other)?;
    text.push(b'\n');
    new.write_all(&text)?;
    new.sync_all()
}

fn check_name(field: &str, name: &str) -> Result<(), TokenError> {
    let problem = if name.trim().is_empty() {
        "it is empty".to_owned()
    } else if name.len() > LONGEST_NAME {
        format!("it is longer than {LONGEST_NAME} bytes")
    } else if name.chars().any(char::is_control) {
        "it has a character that cannot be printed".to_owned()
    } else {
        return Ok(());
    };
    Err(TokenError::Invalid {
        field: field.to_owned(),
        problem,
    })
}

pub(super) fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TokenError {
    let path = path.to_owned();
    move |source| TokenError::System { what, path, source }
}

/// The same for a token that never was, that is revoked, and whose secret is wrong.
fn unknown() -> Status {
    Status::new(
        Code::Unauthenticated,
        "this bearer token is not known: it is wrong, or it was revoked",
    )
}

fn unreadable(path: &Path, error: &io::Error) -> Status {
    tracing::error!(file = %path.display(), %error, "a token could not be read");
    Status::new(
        Code::Unavailable,
        "the bearer token cannot be checked for the moment, try again",
    )
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile")
            .field("name", &self.name)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}
