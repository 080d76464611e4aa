//! Results as the host keeps them.

use super::super::MAX_REASON_BYTES;
use super::*;

fn finish(result: FinalResult) -> dm::AbnormalFinish {
    match result.into_outcome() {
        Outcome::Abnormal(finish) => finish.as_ref().clone(),
        Outcome::Data(data) => panic!("expected an abnormal end: {data:?}"),
    }
}

#[test]
fn dc_59_malformed_data_names_the_error_and_the_beginning_of_the_text() {
    let long = format!("[{}", "x".repeat(100_000));
    let finish = finish(data(&long));
    assert_eq!(finish.status(), Status::ResultMalformed);
    assert!(finish.reason.contains("malformed"), "{}", finish.reason);
    assert!(finish.reason.contains(&long[..256]));
    assert!(finish.reason.len() < 1000);
}

#[test]
fn data_that_is_too_large_is_malformed() {
    let finish = finish(data(&format!(r#"{{"a":"{}"}}"#, "x".repeat(300_000))));
    assert_eq!(finish.status(), Status::ResultMalformed);
    assert!(finish.reason.contains("too large"), "{}", finish.reason);
}

#[test]
fn an_abnormal_end_without_a_legal_status_is_malformed() {
    for status in [0, 9, -1, i32::MAX] {
        let result = TaskResult::Abnormal(dm::AbnormalFinish {
            status,
            reason: "because".to_owned(),
        });
        let finish = finish(FinalResult::normalize(result));
        assert_eq!(finish.status(), Status::ResultMalformed);
        let expected = format!("the backend gave the illegal status {status} with reason: because");
        assert_eq!(finish.reason, expected);
    }
}

#[test]
fn an_overlong_reason_is_cut_between_characters() {
    let reason = "é".repeat(MAX_REASON_BYTES);
    let finish = finish(failure(Status::Failed, &reason));
    let kept = finish.reason.strip_suffix(" … (cut)").unwrap();
    assert_eq!(kept.len(), MAX_REASON_BYTES);
    assert!(reason.starts_with(kept));
    let fits = "x".repeat(MAX_REASON_BYTES);
    assert_eq!(self::finish(failure(Status::Failed, &fits)).reason, fits);
}
