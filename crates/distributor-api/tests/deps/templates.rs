//! EnsureGraphData with quests from templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use distributor_api::{Code, ProjectTemplates};
use distributor_core::dm;
use distributor_proto::templateproto::value::Value as Kind;
use distributor_proto::templateproto::{Specifier, Value};

use crate::support::{CONFIG, World, assert_refused, desc, id_of, nums, raw, request, run, shown};

const FILE: &str = r#"
template {
  key: "build"
  value {
    distributor_config_name: "fakeDistributor"
    parameters {
      body: '{"target": ${target}, "size": ${size}, "mode": ${mode}, "note": ${note}}'
      param { key: "${target}" value { schema { str { max_length: 8 } } } }
      param { key: "${size}" value { schema { int {} } default { int: 1 } } }
      param {
        key: "${mode}"
        value { schema { enum { entry { token: "fast" } entry { token: "small" } } } default { str: "small" } }
      }
      param { key: "${note}" value { schema { str {} } nullable: true default { null {} } } }
    }
    distributor_parameters {
      body: '{"x": [${target}, ${size}, ${mode}, ${note}]}'
      param { key: "${target}" value { schema { str {} } } }
      param { key: "${size}" value { schema { int {} } default { int: 1 } } }
      param { key: "${mode}" value { schema { str {} } default { str: "small" } } }
      param { key: "${note}" value { schema { str {} } nullable: true default { null {} } } }
    }
    meta { retry { failed: 2 } }
  }
}
template {
  key: "plain"
  value {
    distributor_config_name: "fakeDistributor"
    parameters { body: '{"name":"a"}' }
    distributor_parameters { body: '{}' }
  }
}
template {
  key: "nowhere"
  value {
    distributor_config_name: "nowhere"
    parameters { body: '{}' }
    distributor_parameters { body: '{}' }
  }
}
"#;

fn world() -> World {
    let world = World::new();
    load(&world, FILE);
    world
}

/// Returns the version.
fn load(world: &World, file: &str) -> String {
    let templates = ProjectTemplates::parse(file).expect("a good file");
    let version = templates.version().to_owned();
    let projects = BTreeMap::from([("project".to_owned(), Arc::new(templates))]);
    world.templates.replace(projects);
    version
}

fn instance(name: &str, values: &[(&str, Kind)]) -> dm::TemplateInstantiation {
    let value = |kind: &Kind| Value {
        value: Some(kind.clone()),
    };
    let params = values.iter();
    let params = params.map(|(name, kind)| ((*name).to_owned(), value(kind)));
    dm::TemplateInstantiation {
        project: "project".to_owned(),
        r#ref: "refs/heads/main".to_owned(),
        specifier: Some(Specifier {
            template_name: name.to_owned(),
            params: params.collect(),
        }),
    }
}

fn text(text: &str) -> Kind {
    Kind::Str(text.to_owned())
}

/// A request for the first attempt of each.
fn of_templates(templates: &[dm::TemplateInstantiation]) -> dm::EnsureGraphDataReq {
    dm::EnsureGraphDataReq {
        template_quest: templates.to_vec(),
        template_attempt: vec![nums(&[1]); templates.len()],
        ..Default::default()
    }
}

/// The one entry of `template_error`; nothing was created.
async fn error_of(world: &World, template: dm::TemplateInstantiation) -> String {
    let response = world.ensure(of_templates(&[template])).await;
    let response = response.expect("what is wrong with a template is no error of the call");
    assert!(!response.accepted && !response.should_halt);
    assert_eq!(response.result, None);
    assert_eq!(response.template_error.len(), 1);
    assert!(world.is_empty());
    response.template_error[0].clone()
}

#[test]
fn a_template_makes_a_quest_and_is_its_origin() {
    run(async {
        let world = World::new();
        let version = load(&world, FILE);
        let values = [
            ("${target}", text("a\"${x}")),
            ("${size}", Kind::Int(1 << 53)),
        ];
        let response = world
            .ensure(of_templates(&[instance("build", &values)]))
            .await;
        let response = response.expect("good");
        assert!(response.accepted);
        assert_eq!(response.template_error, Vec::<String>::new());

        let expected = dm::quest::Desc {
            distributor_config_name: CONFIG.to_owned(),
            parameters:
                r#"{"mode":"small","note":null,"size":"9007199254740992","target":"a\"${x}"}"#
                    .to_owned(),
            distributor_parameters: r#"{"x":["a\"${x}","9007199254740992","small",null]}"#
                .to_owned(),
            meta: Some(dm::quest::desc::Meta {
                retry: Some(dm::quest::desc::meta::Retry {
                    failed: 2,
                    ..Default::default()
                }),
                timeouts: Some(dm::quest::desc::meta::Timeouts::default()),
                ..Default::default()
            }),
        };
        assert_eq!(response.template_ids, vec![id_of(&expected).into()]);
        assert!(shown(&response, id_of(&expected).attempt(1)).dne);
        let stored = world.quest(&expected).expect("the quest");
        assert_eq!(stored.desc.as_ref(), &expected);
        let origin = dm::quest::TemplateSpec {
            project: "project".to_owned(),
            r#ref: String::new(),
            version,
            name: "build".to_owned(),
        };
        assert_eq!(stored.built_by, vec![origin]);
    });
}

#[test]
fn attempts_of_one_quest_from_all_three_lists_are_united() {
    run(async {
        let world = world();
        let plain = id_of(&desc("a"));
        let list = dm::EnsureGraphDataReq {
            template_quest: vec![instance("plain", &[])],
            template_attempt: vec![nums(&[2])],
            raw_attempts: Some(raw(&[plain.attempt(3), plain.attempt(1)])),
            ..request(&[desc("a")])
        };
        let response = world.ensure(list).await.expect("good");
        assert_eq!(response.quest_ids, vec![plain.into()]);
        assert_eq!(response.template_ids, vec![plain.into()]);
        let quests = response.result.expect("a result").quests;
        let numbers: Vec<u32> = quests[&plain.to_string()]
            .attempts
            .keys()
            .copied()
            .collect();
        assert_eq!(numbers, [1, 2, 3]);
        for number in numbers {
            assert!(world.find(plain.attempt(number)).is_some());
        }
    });
}

#[test]
fn a_known_quest_gets_a_further_origin_and_keeps_when_it_was_created() {
    run(async {
        let world = World::new();
        world.executing(&desc("a")).await;
        let created = world.quest(&desc("a")).expect("the quest").created;
        world.clock.advance(std::time::Duration::from_secs(1));
        let mut versions = Vec::new();
        for file in [FILE.to_owned(), format!("{FILE}# changed\n")] {
            versions.push(load(&world, &file));
            let plain = of_templates(&[instance("plain", &[])]);
            world.ensure(plain.clone()).await.expect("good");
            world.ensure(plain).await.expect("good");
        }
        let quest = world.quest(&desc("a")).expect("the quest");
        assert_eq!(quest.created, created);
        let mut found: Vec<String> = quest.built_by.into_iter().map(|it| it.version).collect();
        found.sort();
        versions.sort();
        assert_eq!(found, versions);
    });
}

#[test]
fn one_bad_template_creates_nothing_and_each_has_its_error() {
    run(async {
        let world = world();
        let list = dm::EnsureGraphDataReq {
            raw_attempts: Some(raw(&[id_of(&desc("b")).attempt(1)])),
            quest: vec![desc("b")],
            quest_attempt: vec![nums(&[1])],
            ..of_templates(&[
                instance("build", &[]),
                instance("plain", &[]),
                instance("missing", &[]),
            ])
        };
        let response = world.ensure(list).await.expect("no error of the call");
        assert!(!response.accepted);
        assert_eq!(response.result, None);
        let [build, plain, missing] = response.template_error.as_slice() else {
            panic!("{response:?}");
        };
        assert!(build.contains("\"${target}\" is missing"), "{build}");
        assert_eq!(plain, "");
        assert!(missing.contains("has no template \"missing\""), "{missing}");
        assert!(missing.contains("build, nowhere, plain"), "{missing}");
        let ids = &response.template_ids;
        assert_eq!(ids.len(), 3);
        assert_eq!(ids[1], id_of(&desc("a")).into());
        assert!(world.is_empty());
    });
}

#[test]
fn values_that_do_not_fit_are_template_errors() {
    run(async {
        let world = world();
        let target = ("${target}", text("t"));
        for (values, message) in [
            (vec![], "parameters: parameter \"${target}\" is missing"),
            (
                vec![target.clone(), ("${other}", text("x"))],
                "parameters: unknown parameter \"${other}\"; its parameters are: ${mode}, ",
            ),
            (
                vec![("${target}", Kind::Int(1))],
                "\"${target}\" has type int: give a value of type str",
            ),
            (
                vec![("${target}", Kind::Null(()))],
                "\"${target}\" is null, which is not accepted",
            ),
            (
                vec![("${target}", text("123456789"))],
                "\"${target}\" is too long: 9 > 8 bytes",
            ),
            (
                vec![target.clone(), ("${mode}", text("slow"))],
                "\"${mode}\" \"slow\" is not one of the accepted texts: \"fast\", \"small\"",
            ),
            (
                vec![target.clone(), ("${size}", Kind::Uint(1))],
                "\"${size}\" has type uint: give a value of type int",
            ),
            (
                vec![target.clone(), ("${note}", text(&"x".repeat(200_000)))],
                "too large",
            ),
        ] {
            let error = error_of(&world, instance("build", &values)).await;
            assert!(error.contains(message), "{error}");
        }
    });
}

#[test]
fn unknown_projects_templates_and_configurations_are_template_errors() {
    run(async {
        let world = world();
        let mut elsewhere = instance("plain", &[]);
        elsewhere.project = "elsewhere".to_owned();
        let error = error_of(&world, elsewhere).await;
        let message = "project \"elsewhere\" has no templates; projects that have: project";
        assert_eq!(error, message);
        let error = error_of(&world, instance("nowhere", &[])).await;
        let message = "distributor_config_name: unknown distributor configuration `nowhere`";
        assert!(error.starts_with(message), "{error}");
    });
}

#[test]
fn dc_55_template_quests_are_validated_by_their_backend() {
    run(async {
        let world = world();
        let error = error_of(&world, instance("build", &[("${target}", text("bad"))])).await;
        let message = "distributor_parameters: `bad` is not for this backend";
        assert_eq!(error, message);
        let validated = world.backend.validated();
        assert_eq!(validated, [r#"{"x":["bad",1,"small",null]}"#]);
    });
}

#[test]
fn template_requests_that_can_never_be_right_name_their_field() {
    run(async {
        let world = world();
        let good = || instance("plain", &[]);
        let mut no_project = good();
        no_project.project.clear();
        let mut no_specifier = good();
        no_specifier.specifier = None;
        let no_value = {
            let mut template = good();
            let specifier = template.specifier.get_or_insert_default();
            specifier.params.insert("${x}".to_owned(), Value::default());
            template
        };
        for (template, message) in [
            (no_project, "template_quest[1].project: is empty"),
            (
                no_specifier,
                "template_quest[1].specifier.template_name: is empty",
            ),
            (
                no_value,
                "template_quest[1].specifier.params[\"${x}\"]: has no value",
            ),
            (
                instance("plain", &[("", Kind::Int(1))]),
                "template_quest[1].specifier.params[\"\"]: has no name",
            ),
            (
                instance("plain", &[("${x}", Kind::Float(f64::NAN))]),
                "params[\"${x}\"]: NaN cannot be written as JSON",
            ),
            (
                instance("plain", &[("${x}", Kind::Object("[]".to_owned()))]),
                "params[\"${x}\"]: is no JSON object",
            ),
        ] {
            let answer = world.ensure(of_templates(&[good(), template])).await;
            assert_refused(answer, Code::InvalidArgument, message);
        }
        let mut all = of_templates(&[good()]);
        all.template_attempt = vec![nums(&[])];
        let message = "template_attempt[0].nums: is empty";
        assert_refused(world.ensure(all).await, Code::InvalidArgument, message);
        assert!(world.is_empty());
    });
}

#[test]
fn a_template_may_grow_beyond_the_limit_when_it_is_normalized() {
    run(async {
        let world = World::new();
        let body = format!("{{\"a\":\"{}\"}}", "<".repeat(200_000));
        let file = format!(
            "template {{ key: 'large' value {{ distributor_config_name: '{CONFIG}' \
             parameters {{ body: '{body}' }} distributor_parameters {{ body: '{{}}' }} }} }}"
        );
        load(&world, &file);
        let response = world.ensure(of_templates(&[instance("large", &[])])).await;
        assert!(response.expect("good").accepted);
    });
}

#[test]
fn an_execution_may_depend_on_template_quests() {
    run(async {
        let world = world();
        let need = world.finished(&desc("a"), r#"{"r":1}"#).await;
        let job = world.executing(&desc("job")).await;
        let job = world.running(job).await;
        let response = world
            .depend(&job, of_templates(&[instance("plain", &[])]))
            .await;
        let response = response.expect("good");
        assert!(response.accepted && !response.should_halt);
        assert!(shown(&response, need).data.is_some());
        assert_eq!(world.dependencies(job.execution.attempt).len(), 1);
    });
}
