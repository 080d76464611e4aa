//! Phrases: what is one, and what it expands to.

use super::*;

#[track_caller]
fn check(text: &str, expected: Result<(), &str>) {
    match (read(text), expected) {
        (Ok(_), Ok(())) => {}
        (Err(error), Err(expected)) => {
            let error = error.to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        (Ok(phrase), Err(_)) => panic!("{text} is a phrase: {phrase:?}"),
        (Err(error), Ok(())) => panic!("{text}: {error}"),
    }
}

/// A phrase with this one stage.
fn staged(stage: &str) -> String {
    format!(r#"{{"name":"x","stages":[{stage}]}}"#)
}

/// A phrase with this dependency, whose phrase is named `y`; `rest` says more of the dependency.
fn depending(rest: &str) -> String {
    staged(&format!(
        r#"{{"deps":{{"deps":[{{{rest}"phrase":{{"name":"y"}}}}]}}}}"#
    ))
}

#[test]
fn j03_a_chance_is_from_0_to_1() {
    let failure = |chance: &str| staged(&format!(r#"{{"failure":{{"chance":{chance}}}}}"#));
    for valid in ["0", "0.75", "1", "\"0.75\""] {
        check(&failure(valid), Ok(()));
    }
    check(
        &failure("-2"),
        Err("stages[0].failure.chance: too small: -2"),
    );
    check(
        &failure("1.5"),
        Err("stages[0].failure.chance: too large: 1.5"),
    );
    check(
        &failure("\"Infinity\""),
        Err("stages[0].failure.chance: too large: inf"),
    );
    check(
        &failure("\"NaN\""),
        Err("stages[0].failure.chance: is not a number"),
    );
}

#[test]
fn a_phrase_is_strict_proto_json() {
    check(r#"{"name":"x"}"#, Ok(()));
    check(
        r#"{"name":"x","seed":"-3","return_stage":{"retval":7}}"#,
        Ok(()),
    );
    check(
        r#"{"name":"x","returnStage":{"retval":"7","expiration":"2030-01-01T00:00:00Z"}}"#,
        Ok(()),
    );
    check("{}", Err("name: is required"));
    check(r#"{"name":""}"#, Err("name: is required"));
    check(
        r#"{"name":"x","sead":1}"#,
        Err("unrecognized field name 'sead'"),
    );
    check(r#"{"name":"x"} {}"#, Err("trailing characters"));
    check(r#"{"name":7}"#, Err("invalid type"));
    check("[]", Err("invalid type"));
    check("", Err("EOF"));
}

#[test]
fn a_stage_is_of_one_kind() {
    check(&staged("{}"), Err("stages[0]: empty stage"));
    check(
        &staged(r#"{"stall":{},"failure":{}}"#),
        Err("multiple fields provided for oneof"),
    );
    check(&staged(r#"{"stall":{}}"#), Ok(()));
    check(&staged(r#"{"stall":{"delay":"1.5s"}}"#), Ok(()));
    check(
        &staged(r#"{"stall":{"delay":"-1.5s"}}"#),
        Err("stages[0].stall.delay: must not be negative"),
    );
    check(&staged(r#"{"stall":{"delay":"315576000001s"}}"#), Err(""));
    check(&staged(r#"{"deps":{}}"#), Ok(()));
}

#[test]
fn a_dependency_has_a_phrase_which_is_checked_too() {
    check(&depending(""), Ok(()));
    check(
        &staged(r#"{"deps":{"deps":[{"shards":"2"}]}}"#),
        Err("stages[0].deps.deps[0].phrase: is required"),
    );
    let nested = r#"{"deps":{"deps":[{"phrase":{"name":"y","stages":[{}]}}]}}"#;
    check(
        &staged(nested),
        Err("stages[0].deps.deps[0].phrase.stages[0]: empty stage"),
    );
}

#[test]
fn a_sparse_range_increases_strictly_from_1() {
    let attempts = |items: &str| depending(&format!(r#""attempts":{{"items":[{items}]}},"#));
    for valid in [
        "",
        r#"{"single":1}"#,
        r#"{"single":4294967295}"#,
        r#"{"single":2},{"range":{"low":3,"high":9}},{"single":10}"#,
    ] {
        check(&attempts(valid), Ok(()));
    }
    let place = "stages[0].deps.deps[0].attempts.items";
    for (items, index, problem) in [
        (r#"{"single":0}"#, 0, "malformed SparseRange"),
        (r#"{"single":2},{"single":2}"#, 1, "malformed SparseRange"),
        (
            r#"{"single":5},{"range":{"low":5,"high":6}}"#,
            1,
            "malformed SparseRange",
        ),
        (
            r#"{"range":{"low":0,"high":6}}"#,
            0,
            "malformed SparseRange",
        ),
        (r#"{"range":{"low":3,"high":3}}"#, 0, "malformed Range"),
        (r#"{"range":{"low":3,"high":2}}"#, 0, "malformed Range"),
        ("{}", 0, "unknown SparseRange entry"),
    ] {
        check(
            &attempts(items),
            Err(&format!("{place}[{index}]: {problem}")),
        );
    }
}

#[test]
fn what_would_be_too_much_is_refused_before_it_is_made() {
    let place = "stages[0].deps.deps[0]";
    check(&depending(r#""shards":16384,"#), Ok(()));
    for much in [
        r#""shards":16385,"#,
        r#""shards":"18446744073709551615","#,
        r#""attempts":{"items":[{"range":{"low":1,"high":4294967295}}]},"#,
        r#""shards":200,"attempts":{"items":[{"range":{"low":1,"high":100}}]},"#,
    ] {
        check(
            &depending(much),
            Err(&format!("{place}: asks, with what comes before it, for ")),
        );
    }
    check(&depending(r#""retries":1000,"#), Ok(()));
    check(
        &depending(r#""retries":4294967295,"#),
        Err(&format!("{place}.retries: 4294967295 is more than 1000")),
    );
    let long = "y".repeat(10_000);
    check(
        &staged(&format!(
            r#"{{"deps":{{"deps":[{{"shards":1000,"phrase":{{"name":"{long}"}}}}]}}}}"#
        )),
        Err(&format!(
            "{place}: makes, with what comes before it, phrases of up to "
        )),
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let open = r#"{"name":"x","stages":[{"deps":{"deps":[{"phrase":"#;
        let close = "}]}}]}";
        format!(
            r#"{}{{"name":"x"}}{}"#,
            open.repeat(depth - 1),
            close.repeat(depth - 1)
        )
    };
    check(&nested(20), Ok(()));
    match read(&nested(21)) {
        Err(error) => assert!(
            error
                .to_string()
                .ends_with("phrases are nested more than 20 deep"),
            "{error}"
        ),
        Ok(_) => panic!("too deep"),
    }
    check(&nested(30), Err("recursion limit exceeded"));
    check(&nested(1_000), Err("recursion limit exceeded"));
}

fn parameters(text: &str, stage: usize) -> Vec<String> {
    let phrase = read(text).expect("a phrase");
    let wanted = expand(&phrase, stage).expect("it expands");
    wanted.into_iter().map(|one| one.parameters).collect()
}

#[test]
fn shards_get_numbers_and_a_single_copy_none() {
    assert_eq!(parameters(&depending(""), 0), [r#"{"name":"y"}"#]);
    assert_eq!(
        parameters(&depending(r#""shards":1,"#), 0),
        [r#"{"name":"y_0"}"#]
    );
    assert_eq!(
        parameters(&depending(r#""shards":3,"#), 0),
        [
            r#"{"name":"y_0"}"#,
            r#"{"name":"y_1"}"#,
            r#"{"name":"y_2"}"#
        ]
    );
    assert!(parameters(r#"{"name":"x","stages":[{"stall":{}}]}"#, 0).is_empty());
    assert!(parameters(r#"{"name":"x"}"#, 0).is_empty());
}

#[test]
fn a_phrase_has_one_text_however_it_was_written() {
    let one = staged(
        r#"{"deps":{"deps":[{"phrase":{"stages":[{"failure":{"chance":0.1}},{"stall":{"delay":"1.500s"}}],
        "return_stage":{"expiration":"2030-01-01T01:00:00+01:00","retval":5},"name":"y","seed":"0"}}]}}"#,
    );
    let text = r#"{"name":"y","stages":[{"failure":{"chance":0.1}},{"stall":{"delay":"1.500s"}}],"returnStage":{"retval":"5","expiration":"2030-01-01T00:00:00Z"}}"#;
    assert_eq!(parameters(&one, 0), [text]);
    let again = staged(&format!(r#"{{"deps":{{"deps":[{{"phrase":{text}}}]}}}}"#));
    assert_eq!(parameters(&again, 0), [text]);
}

#[test]
fn seeds_of_dependencies_follow_from_the_phrase_and_the_index() {
    let text = r#"{"name":"x","seed":"5","stages":[
        {"deps":{"deps":[
            {"phrase":{"name":"same"}},
            {"phrase":{"name":"own","seed":"9"}},
            {"mixSeed":true,"shards":"2","phrase":{"name":"drawn"}},
            {"mixSeed":true,"phrase":{"name":"mixed","seed":"9"}}]}},
        {"deps":{"deps":[{"mixSeed":true,"phrase":{"name":"later"}}]}}]}"#;
    assert_eq!(
        parameters(text, 0),
        [
            r#"{"name":"same","seed":"5"}"#,
            r#"{"name":"own","seed":"9"}"#,
            r#"{"name":"drawn_0","seed":"4292726422858613063"}"#,
            r#"{"name":"drawn_1","seed":"1832488697174800709"}"#,
            r#"{"name":"mixed","seed":"-1193963026391423502"}"#,
        ]
    );
    assert_eq!(
        parameters(text, 1),
        [r#"{"name":"later","seed":"7020995479949754436"}"#]
    );
    assert_eq!(parameters(text, 0), parameters(text, 0));
}

#[test]
fn strategies_say_which_attempts() {
    let strategy = |rest: &str| {
        let phrase = read(&depending(rest)).expect("a phrase");
        expand(&phrase, 0).expect("it expands").remove(0).strategy
    };
    assert_eq!(strategy(""), Strategy::All(vec![1]));
    assert_eq!(strategy(r#""attempts":{},"#), Strategy::All(vec![1]));
    assert_eq!(
        strategy(r#""attempts":{"items":[{"single":2},{"range":{"low":4,"high":6}}]},"#),
        Strategy::All(vec![2, 4, 5, 6])
    );
    assert_eq!(strategy(r#""retries":0,"#), Strategy::UpTo(1));
    assert_eq!(strategy(r#""retries":2,"#), Strategy::UpTo(3));
}
