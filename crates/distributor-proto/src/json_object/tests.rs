//! The rules of the normal form, row by row.

use super::{JsonProblem, MAX_NESTING, normalize_object, normalize_object_bytes};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(normalize_object(text).as_deref(), Ok(expected), "{text}");
    // A normal form is its own normal form: else ids would depend on how often
    // a description was normalized.
    assert_eq!(normalize_object(expected).as_deref(), Ok(expected));
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let message = normalize_object(text).map_err(|error| error.to_string());
    assert_eq!(message, Err(expected.to_owned()), "{text:?}");
}

#[test]
fn whitespace_is_removed() {
    check(
        " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
        r#"{"a":[1,2],"b":{}}"#,
    );
    check("{}", "{}");
    check("{  \"key\"  :  [\"value\"]}", r#"{"key":["value"]}"#);
}

#[test]
fn keys_are_sorted_by_utf8_at_every_level() {
    check(
        r#"{"b":{"z":1,"y":2},"a":[{"d":1,"c":2}]}"#,
        r#"{"a":[{"c":2,"d":1}],"b":{"y":2,"z":1}}"#,
    );
    // By UTF-16, U+1F600 would come before U+FF5E.
    check(
        "{\"\u{1f600}\":1,\"\u{ff5e}\":2,\"~\":3,\"\":4}",
        "{\"\":4,\"~\":3,\"\u{ff5e}\":2,\"\u{1f600}\":1}",
    );
    // Sorted by what is meant, not by how it is written.
    check(
        r#"{"b":1,"\u0061":2,"\n":3}"#,
        "{\"\\n\":3,\"a\":2,\"b\":1}",
    );
}

#[test]
fn last_duplicate_key_wins_and_objects_are_not_merged() {
    check(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#);
    check(r#"{"a":{"x":1},"a":{"y":2}}"#, r#"{"a":{"y":2}}"#);
    check(r#"{"a":1,"\u0061":2}"#, r#"{"a":2}"#);
}

#[test]
fn order_of_arrays_is_kept() {
    check(r#"{"a":[3,1,[],2,{}]}"#, r#"{"a":[3,1,[],2,{}]}"#);
}

#[test]
fn numbers_are_kept_verbatim() {
    let text = r#"{"n":[0,-0,1.0,1e5,1E+5,-1.50e-07,123456789012345678901234567890]}"#;
    check(text, text);
}

#[test]
fn malformed_numbers_are_refused() {
    for number in ["01", "+1", ".5", "1.", "1e", "-", "0x1", "NaN", "1_0"] {
        let result = normalize_object(&format!("{{\"n\":{number}}}"));
        let problem = result.map_err(|error| error.problem);
        assert!(
            matches!(problem, Err(JsonProblem::InvalidCharacter { .. })),
            "{number}: {problem:?}"
        );
    }
}

#[test]
fn literals_are_kept() {
    check(
        r#"{"a":null,"b":true,"c":false}"#,
        r#"{"a":null,"b":true,"c":false}"#,
    );
}

#[test]
fn strings_are_as_short_as_is_safe() {
    for (text, expected) in [
        (r#""\u0041\/""#, r#""A/""#),
        (r#""\"\\""#, r#""\"\\""#),
        (r#""\u0022\u005c""#, r#""\"\\""#),
        (r#""\u000a\u000d\u0009""#, r#""\n\r\t""#),
        (
            r#""\b\f\u0000\u001F\u000B""#,
            r#""\u0008\u000c\u0000\u001f\u000b""#,
        ),
        (r#""<>&""#, r#""\u003c\u003e\u0026""#),
        ("\"\u{2028}\u{2029}\"", r#""\u2028\u2029""#),
        (r#""\u007f""#, "\"\u{7f}\""),
        (r#""\u00e4\u20ac""#, "\"ä€\""),
        (r#""\ud83d\ude00""#, "\"\u{1f600}\""),
    ] {
        check(
            &format!("{{\"s\":{text}}}"),
            &format!("{{\"s\":{expected}}}"),
        );
        check(&format!("{{{text}:0}}"), &format!("{{{expected}:0}}"));
    }
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    for (text, expected) in [
        (r#""\ud83d""#, "\"\u{fffd}\""),
        (r#""\ude00x""#, "\"\u{fffd}x\""),
        (r#""\ud83d\u0041""#, "\"\u{fffd}A\""),
        (r#""\ud83d\n""#, "\"\u{fffd}\\n\""),
        (r#""\ud83d\ud83d\ude00""#, "\"\u{fffd}\u{1f600}\""),
        (r#""\ude00\ud83d""#, "\"\u{fffd}\u{fffd}\""),
    ] {
        check(
            &format!("{{\"s\":{text}}}"),
            &format!("{{\"s\":{expected}}}"),
        );
    }
}

#[test]
fn invalid_utf8_becomes_replacement_characters_within_strings_only() {
    assert_eq!(
        normalize_object_bytes(b"{\"a\xff\":\"\xe2\x82x\xc3\"}").as_deref(),
        Ok("{\"a\u{fffd}\":\"\u{fffd}\u{fffd}x\u{fffd}\"}")
    );
    let error = normalize_object_bytes(b"{\"a\":\xff}").map_err(|error| error.to_string());
    assert_eq!(
        error,
        Err("invalid character 0xff: expected a value at line 1 column 6".to_owned())
    );
}

#[test]
fn only_one_object_is_accepted() {
    let advice = ": put it into an object at line 1 column 1";
    for (text, found) in [
        ("[]", "an array"),
        ("1", "a number"),
        ("-1", "a number"),
        ("\"a\"", "a string"),
        ("true", "a truth value"),
        ("null", "null"),
    ] {
        check_error(
            text,
            &format!("expected a JSON object, found {found}{advice}"),
        );
    }
    check_error(
        " ",
        "expected a JSON object, found nothing: write {} for an empty object at line 1 column 2",
    );
    check_error(
        "{} {}",
        "extra junk after the JSON object: remove it at line 1 column 4",
    );
    check_error(
        "\u{feff}{}",
        "invalid character '\\u{feff}': expected a JSON object at line 1 column 1",
    );
}

#[test]
fn raw_control_characters_are_refused() {
    check_error(
        "{\"a\":\"\0\"}",
        "invalid character '\\0': expected a character of a string or '\"' at line 1 column 7",
    );
    check_error(
        "{\"a\n\":1}",
        "invalid character '\\n': expected a character of a string or '\"' at line 1 column 4",
    );
}

#[test]
fn errors_say_what_was_expected_and_where() {
    for (text, expected) in [
        (
            "not JSON",
            "invalid character 'n': expected a JSON object at line 1 column 1",
        ),
        (
            "{",
            "unexpected end of JSON input: expected a key or '}' at line 1 column 2",
        ),
        (
            "{\"a\"",
            "unexpected end of JSON input: expected ':' at line 1 column 5",
        ),
        (
            "{\"a\":",
            "unexpected end of JSON input: expected a value at line 1 column 6",
        ),
        (
            "{\"a\":1",
            "unexpected end of JSON input: expected ',' or '}' at line 1 column 7",
        ),
        (
            "{\"a\":[1",
            "unexpected end of JSON input: expected ',' or ']' at line 1 column 8",
        ),
        (
            "{\"a\":1,}",
            "invalid character '}': expected a key at line 1 column 8",
        ),
        (
            "{\"a\":[1,]}",
            "invalid character ']': expected a value at line 1 column 9",
        ),
        (
            "{a:1}",
            "invalid character 'a': expected a key or '}' at line 1 column 2",
        ),
        (
            "{'a':1}",
            "invalid character '\\'': expected a key or '}' at line 1 column 2",
        ),
        (
            "{\"a\" 1}",
            "invalid character '1': expected ':' at line 1 column 6",
        ),
        (
            "{\"a\":1]",
            "invalid character ']': expected ',' or '}' at line 1 column 7",
        ),
        (
            "{\"a\":tru}",
            "invalid character '}': expected true at line 1 column 9",
        ),
        (
            "{\"a\":\"\\x\"}",
            "invalid character 'x': expected one of \" \\ / b f n r t u at line 1 column 8",
        ),
        (
            "{\"a\":\"\\u12g4\"}",
            "invalid character 'g': expected four hexadecimal digits after \\u at line 1 column 11",
        ),
        (
            "{\n \"ä\": ö}",
            "invalid character 'ö': expected a value at line 2 column 7",
        ),
    ] {
        check_error(text, expected);
    }
}

#[test]
fn the_offset_counts_bytes() {
    let error = normalize_object("{\n \"ä\": ö}");
    let place = error.map_err(|it| (it.position.offset, it.position.line, it.position.column));
    assert_eq!(place, Err((9, 2, 7)));
}

#[test]
fn nesting_is_limited_and_costs_no_stack() {
    let nested = |opening: &str, inner: &str, closing: &str, levels: usize| {
        let outer = levels - 1;
        format!(
            "{{\"a\":{}{inner}{}}}",
            opening.repeat(outer),
            closing.repeat(outer)
        )
    };
    for (opening, closing) in [("[", "]"), ("{\"k\":", "}")] {
        let deepest = nested(opening, "1", closing, MAX_NESTING);
        check(&deepest, &deepest);
        let too_deep = nested(opening, "1", closing, MAX_NESTING + 1);
        let problem = normalize_object(&too_deep).map_err(|error| error.problem);
        assert_eq!(problem, Err(JsonProblem::TooDeep));
    }
    for empty in ["[]", "{}"] {
        let deepest = nested("[", empty, "]", MAX_NESTING - 1);
        check(&deepest, &deepest);
        let too_deep = nested("[", empty, "]", MAX_NESTING);
        let problem = normalize_object(&too_deep).map_err(|error| error.problem);
        assert_eq!(problem, Err(JsonProblem::TooDeep));
    }
    // Far beyond the limit: the error must come before the memory.
    let endless = format!("{{\"a\":{}", "[".repeat(3_000_000));
    assert!(normalize_object(&endless).is_err());
}
