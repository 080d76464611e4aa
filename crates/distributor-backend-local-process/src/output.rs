//! Reads what tasks have written. It refuses to load more than it is asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The last `most` bytes of a file as text; empty if there is no such file.
///
/// What is not UTF-8 becomes U+FFFD; a character that the cut splits is left out.
pub(crate) fn tail(path: &Path, most: usize) -> String {
    let Ok(bytes) = read_tail(path, most) else {
        return String::new();
    };
    let continuation = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    let split = match bytes.len() == most {
        true => bytes.iter().take(3).take_while(continuation).count(),
        false => 0,
    };
    String::from_utf8_lossy(&bytes[split..]).into_owned()
}

fn read_tail(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(Vec::new());
    }
    read_at(&file, length.saturating_sub(most as u64), most)
}

/// At most `most` bytes from `offset` on.
///
/// # Errors
/// `NotFound` if nothing was ever written, as there is no such file.
pub(crate) fn chunk(path: &Path, offset: u64, most: usize) -> io::Result<Vec<u8>> {
    read_at(&File::open(path)?, offset, most)
}

fn read_at(file: &File, offset: u64, most: usize) -> io::Result<Vec<u8>> {
    let left = file.metadata()?.len().saturating_sub(offset);
    let wanted = usize::try_from(left).map_or(most, |left| left.min(most));
    let mut bytes = vec![0; wanted];
    let mut filled = 0;
    while filled < wanted {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_short_and_begins_with_a_whole_character() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        assert_eq!(tail(&path, 10), "");
        std::fs::write(&path, "aé\n").unwrap();
        let table = [(1, "\n"), (2, "\n"), (3, "é\n"), (4, "aé\n"), (5, "aé\n")];
        for (most, expected) in table {
            assert_eq!(tail(&path, most), expected, "{most}");
        }
    }

    #[test]
    fn a_chunk_beyond_the_end_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        std::fs::write(&path, "abcdef").unwrap();
        assert_eq!(chunk(&path, 2, 3).unwrap(), b"cde");
        assert_eq!(chunk(&path, 4, 3).unwrap(), b"ef");
        assert_eq!(chunk(&path, 6, 3).unwrap(), b"");
        assert_eq!(chunk(&path, 600, 3).unwrap(), b"");
    }
}
