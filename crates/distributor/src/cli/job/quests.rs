//! Reads descriptions of quests, and says which quests they are.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use distributor_proto::{QuestId, dm, normalize_desc, quest_id, text};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::cli::exit::Failure;

/// Most bytes of one file.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// The quests of all files, in order, normalized.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<(QuestId, dm::quest::Desc)>, Failure> {
    let mut quests = Vec::new();
    for file in files {
        let (name, text) = match file.as_os_str() == "-" {
            true => ("standard input".to_owned(), read_text(io::stdin().lock())),
            false => (file.display().to_string(), read_file(file)),
        };
        let text = text.map_err(|error| Failure::Input(format!("{name}: {error}")))?;
        let read = parse(&text).map_err(|problem| Failure::Input(format!("{name}: {problem}")))?;
        quests.extend(read);
    }
    Ok(quests)
}

fn read_file(file: &Path) -> io::Result<String> {
    read_text(File::open(file)?)
}

fn read_text(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

/// At least one description.
fn parse(text: &str) -> Result<Vec<(QuestId, dm::quest::Desc)>, String> {
    let mut quests = Vec::new();
    for value in Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value.map_err(|error| error.to_string())?;
        let number = quests.len() + 1;
        let problem = |error: &dyn std::fmt::Display| format!("description {number}: {error}");
        let mut desc: dm::quest::Desc =
            text::from_json(value.get()).map_err(|error| problem(&error))?;
        normalize_desc(&mut desc).map_err(|error| problem(&error))?;
        quests.push((quest_id(&desc), desc));
    }
    match quests.is_empty() {
        true => Err("no description of a quest in it".to_owned()),
        false => Ok(quests),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_follow_each_other_in_either_spelling() {
        let text = r#"
            {"distributor_config_name": "swarming", "parameters": "{  \"key\"  :  [\"value\"]}",
             "distributor_parameters": "{  }"}
            {"distributorConfigName": "swarming", "parameters": "{}", "distributorParameters": "{}"}"#;
        let quests = parse(text).unwrap();
        assert_eq!(quests.len(), 2);
        assert_eq!(
            quests[0].0.to_string(),
            "1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = r#"{"parameters":"{}","distributor_parameters":"{}"}"#;
        let table = [
            ("", "no description"),
            ("{", "EOF while parsing"),
            ("[]", "description 1: malformed"),
            (r#"{"color":1}"#, "description 1: malformed"),
            (&format!("{good} {{}}"), "description 2: "),
            (&format!("{good} x"), "expected value"),
        ];
        for (text, expected) in table {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        let error = read(&["/absent/file".into()]).unwrap_err();
        assert!(error.to_string().starts_with("/absent/file: "), "{error}");
    }
}
