//! Files of templates: what is wrong with one is said at once, and where.

use distributor_api::{ProjectTemplates, TemplateProblem};

/// A good template of this name, with this body of parameters and these further fields in it.
fn template(name: &str, parameters: &str) -> String {
    format!(
        "template {{\n  key: {name:?}\n  value {{\n    distributor_config_name: \"c\"\n    \
         parameters {{ {parameters} }}\n    distributor_parameters {{ body: '{{}}' }}\n  }}\n}}\n"
    )
}

fn problems(file: &str) -> Vec<TemplateProblem> {
    ProjectTemplates::parse(file).expect_err("a bad file")
}

/// All problems, one a line.
fn shown(file: &str) -> Vec<String> {
    let problems = problems(file).into_iter();
    let shown = problems.map(|it| format!("{}:{} {}: {}", it.line, it.column, it.path, it.message));
    shown.collect()
}

#[test]
fn the_version_is_the_digest_of_the_text() {
    let file = template("a", "body: '{}'");
    let version = |text: &str| {
        let templates = ProjectTemplates::parse(text).expect("a good file");
        templates.version().to_owned()
    };
    assert_eq!(version(&file), version(&file));
    assert_ne!(version(&file), version(&format!("{file} ")));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(version(""), empty);
}

#[test]
fn all_problems_are_named_with_their_places() {
    let file = r#"template {
  key: "a"
  value {
    parameters {
      body: '{"x": ${x}, "y": ${y}}'
      param { key: "${x}" value { schema { int {} } default { str: "1" } } }
      param { key: "${y}" value { } }
      param { key: "${z}" value { schema { int {} } } }
      param { key: "y" value { schema { int {} } } }
    }
  }
}
template { key: "b" value {
  distributor_config_name: "c"
  parameters { body: '[]' }
  distributor_parameters { body: '{}' }
} }
template { key: "c" value {
  distributor_config_name: "c"
  parameters { body: '{}' }
  distributor_parameters { body: '{}' }
  meta { timeouts { run { seconds: -1 } } }
} }
"#;
    let expected = [
        "1:1 template[\"a\"].distributor_config_name: is empty: name a distributor configuration",
        "1:1 template[\"a\"].distributor_parameters.body: is empty: write a JSON object, `{}` if there is nothing to say",
        "6:7 template[\"a\"].parameters.param[\"${x}\"]: default has type str: give a value of type int",
        "7:7 template[\"a\"].parameters.param[\"${y}\"]: has no schema: say what it accepts, such as `schema { str {} }`",
        "8:7 template[\"a\"].parameters.param[\"${z}\"]: does not occur in the body: use it, or remove it",
        "9:7 template[\"a\"].parameters.param[\"y\"]: is no name of a parameter: write `${NAME}`",
        "15:3 template[\"b\"].parameters: expected a JSON object, found an array: put it into an object at line 1 column 1",
        "22:3 template[\"c\"].meta.timeouts.run: duration is negative: use zero or more",
    ];
    let actual = shown(file);
    for (actual, expected) in actual.iter().zip(expected) {
        assert_eq!(actual, expected);
    }
    assert_eq!(actual.len(), expected.len());
}

#[test]
fn keys_are_unique() {
    let mut file = template("a", "body: '{}'") + &template("b", "body: '{}'");
    file += &template("\u{61}", "body: '{}'");
    file += "template { key: '\\x62' value {} }\n";
    let twice = "body: '${x}' param { key: '${x}' } param { key: \"${\" 'x}' }";
    file += &template("c", twice);
    let duplicates: Vec<String> = shown(&file)
        .into_iter()
        .filter(|problem| problem.contains("already"))
        .collect();
    assert_eq!(
        duplicates,
        [
            "17:1 template[\"a\"]: is on line 1 already: remove or rename one of them",
            "25:1 template[\"b\"]: is on line 9 already: remove or rename one of them",
            "30:53 template[\"c\"].parameters.param[\"${x}\"]: is on line 30 already: remove or rename one of them",
        ]
    );
}

#[test]
fn what_is_not_the_message_is_named_for_each_template() {
    let file = template("a", "body: '{}' bodi: 1")
        + &template("b", "body: '{}'")
        + &template("c", "body: 5")
        + "templates {}";
    let problems = problems(&file);
    let places: Vec<(u32, u32)> = problems.iter().map(|it| (it.line, it.column)).collect();
    assert_eq!(places, [(5, 29), (21, 24), (25, 1)]);
    for problem in &problems {
        assert!(!problem.message.is_empty());
    }
}

#[test]
fn texts_that_are_no_file_are_refused_with_a_place() {
    for file in [
        "template {",
        "}",
        "template { key: \"",
        "\u{0}",
        "template: 5",
        "[a.b] {}",
    ] {
        let problems = problems(file);
        assert!(
            problems.iter().all(|it| it.line > 0),
            "{file}: {problems:?}"
        );
    }
    let deep = "template { value { parameters { param { value { schema {".repeat(10_000);
    assert_eq!(problems(&deep)[0].message, "nested too deeply");
    let large = "#".repeat((4 << 20) + 1);
    assert!(
        problems(&large)[0]
            .message
            .contains("at most 4194304 are read")
    );
}

#[test]
fn only_a_hundred_problems_are_shown() {
    let file: String = (0..1_000).map(|n| template(&n.to_string(), "")).collect();
    let problems = problems(&file);
    assert_eq!(problems.len(), 101);
    assert!(
        problems[100]
            .message
            .starts_with("there are more than 100 problems")
    );
}

#[test]
fn required_parameters_are_tried_with_zero_values() {
    for schema in [
        "int {}",
        "uint {}",
        "float {}",
        "bool {}",
        "str {}",
        "bytes {}",
        "enum { entry { token: 'a' } }",
        "object {}",
        "array {}",
    ] {
        let param = format!("param {{ key: '${{x}}' value {{ schema {{ {schema} }} }} }}");
        let good = template("a", &format!("body: '{{\"x\": ${{x}}}}' {param}"));
        assert!(ProjectTemplates::parse(&good).is_ok(), "{schema}");
        let in_text = template("a", &format!("body: '{{\"x\": \"${{x}}\"}}' {param}"));
        let bad = ["str", "bytes", "enum"]
            .iter()
            .any(|it| schema.starts_with(it));
        assert_eq!(ProjectTemplates::parse(&in_text).is_err(), bad, "{schema}");
    }
}

#[test]
fn enums_have_entries_and_each_once() {
    for (schema, message) in [
        ("enum {}", "has no entries"),
        (
            "enum { entry { token: 'a' } entry { token: 'a' } }",
            "lists \"a\" twice",
        ),
    ] {
        let param = format!("param {{ key: '${{x}}' value {{ schema {{ {schema} }} }} }}");
        let file = template("a", &format!("body: '{{\"x\": ${{x}}}}' {param}"));
        let problem = &problems(&file)[0];
        assert!(problem.message.contains(message), "{problem:?}");
    }
}

#[test]
fn defaults_fit_their_schema() {
    for (parameter, message) in [
        ("default { null {} } schema { int {} }", "default is null"),
        ("default { null {} } nullable: true schema { int {} }", ""),
        ("default {} schema { int {} }", "default has no value"),
        (
            "default { str: 'abc' } schema { str { max_length: 2 } }",
            "default is too long: 3 > 2",
        ),
        (
            "default { str: 'b' } schema { enum { entry { token: 'a' } } }",
            "is not one of",
        ),
        (
            "default { object: '{ \"a\" : 1 }' } schema { object { max_length: 7 } }",
            "",
        ),
        (
            "default { object: '[]' } schema { object {} }",
            "default is no JSON object",
        ),
        (
            "default { float: inf } schema { float {} }",
            "default inf cannot be written",
        ),
    ] {
        let param = format!("param {{ key: '${{x}}' value {{ {parameter} }} }}");
        let file = template("a", &format!("body: '{{\"x\": ${{x}}}}' {param}"));
        match (ProjectTemplates::parse(&file), message) {
            (Ok(_), "") => {}
            (Err(problems), message) => {
                assert!(problems[0].message.contains(message), "{problems:?}");
                assert!(!message.is_empty(), "{problems:?}");
            }
            (Ok(_), message) => panic!("no problem: {message}"),
        }
    }
}
