//! Quests from templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use distributor_api::ProjectTemplates;
use distributor_core::dm;
use distributor_proto::templateproto::value::Value as Kind;
use distributor_proto::templateproto::{Specifier, Value};

use crate::support::{CONFIG, World, desc, everything, id_of, list, nums, request, shown_in, walk};
use crate::wire::Wire;

over_both! {
    a_template_makes_a_quest_and_is_its_origin;
    an_error_in_a_template_is_in_its_place_and_nothing_is_created;
    a_job_may_depend_on_a_template_quest;
}

const FILE: &str = r#"
template {
  key: "build"
  value {
    distributor_config_name: "fakeDistributor"
    parameters {
      body: '{"target": ${target}, "size": ${size}}'
      param { key: "${target}" value { schema { str { max_length: 8 } } } }
      param { key: "${size}" value { schema { int {} } default { int: 1 } } }
    }
    distributor_parameters {
      body: '{"for": ${target}}'
      param { key: "${target}" value { schema { str {} } } }
    }
    meta { retry { failed: 2 } }
  }
}
"#;

/// Returns the version.
fn load<W>(world: &World<W>) -> String {
    let templates = ProjectTemplates::parse(FILE).expect("a good file");
    let version = templates.version().to_owned();
    let projects = BTreeMap::from([("project".to_owned(), Arc::new(templates))]);
    world.templates.replace(projects);
    version
}

/// The template `name` with this target.
fn instance(name: &str, target: Kind) -> dm::TemplateInstantiation {
    let value = Value {
        value: Some(target),
    };
    dm::TemplateInstantiation {
        project: "project".to_owned(),
        r#ref: "refs/heads/main".to_owned(),
        specifier: Some(Specifier {
            template_name: name.to_owned(),
            params: [("${target}".to_owned(), value)].into(),
        }),
    }
}

fn target(text: &str) -> dm::TemplateInstantiation {
    instance("build", Kind::Str(text.to_owned()))
}

/// A request for the first attempt of each.
fn of_templates(templates: &[dm::TemplateInstantiation]) -> dm::EnsureGraphDataReq {
    dm::EnsureGraphDataReq {
        template_quest: templates.to_vec(),
        template_attempt: vec![nums(&[1]); templates.len()],
        ..Default::default()
    }
}

/// What `target("t")` becomes.
fn built() -> dm::quest::Desc {
    let retry = dm::quest::desc::meta::Retry {
        failed: 2,
        ..Default::default()
    };
    dm::quest::Desc {
        distributor_config_name: CONFIG.to_owned(),
        parameters: r#"{"size":1,"target":"t"}"#.to_owned(),
        distributor_parameters: r#"{"for":"t"}"#.to_owned(),
        meta: Some(dm::quest::desc::Meta {
            retry: Some(retry),
            timeouts: Some(Default::default()),
            ..Default::default()
        }),
    }
}

async fn a_template_makes_a_quest_and_is_its_origin<W: Wire>(world: &World<W>) {
    let version = load(world);
    let ensure = of_templates(&[target("t")]);
    let response = world.writer.ensure_graph_data(ensure).await.expect("good");
    assert!(response.accepted);
    assert_eq!(response.template_error, Vec::<String>::new());
    let quest = id_of(&built());
    assert_eq!(response.template_ids, vec![quest.into()]);
    assert!(shown_in(&response, quest.attempt(1)).dne);

    let graph = world.walk(walk(list(&[quest.attempt(1)]), 0, everything()));
    let graph = graph.await;
    let data = graph.quests[&quest.to_string()].data.as_ref();
    let data = data.expect("data");
    assert_eq!(data.desc, Some(built()));
    let origin = dm::quest::TemplateSpec {
        project: "project".to_owned(),
        r#ref: String::new(),
        version,
        name: "build".to_owned(),
    };
    assert_eq!(data.built_by, vec![origin]);
}

async fn an_error_in_a_template_is_in_its_place_and_nothing_is_created<W: Wire>(world: &World<W>) {
    load(world);
    let ensure = dm::EnsureGraphDataReq {
        template_quest: vec![
            target("too long a text"),
            target("t"),
            instance("missing", Kind::Int(1)),
        ],
        template_attempt: vec![nums(&[1]); 3],
        ..request(&[desc("a")])
    };
    let response = world.writer.ensure_graph_data(ensure).await;
    let response = response.expect("no error of the call");
    assert!(!response.accepted && !response.should_halt);
    assert_eq!(response.result, None);
    let [long, good, missing] = response.template_error.as_slice() else {
        panic!("{response:?}");
    };
    assert!(long.contains("\"${target}\" is too long: 15 > 8"), "{long}");
    assert_eq!(good, "");
    assert!(missing.contains("has no template \"missing\""), "{missing}");
    assert_eq!(response.template_ids[1], id_of(&built()).into());
    assert!(world.is_empty());
}

async fn a_job_may_depend_on_a_template_quest<W: Wire>(world: &World<W>) {
    load(world);
    let job = world.job("job").await;
    let halted = world.depend(&job, of_templates(&[target("t")])).await;
    let halted = halted.expect("good");
    assert!(halted.accepted && halted.should_halt);
    assert_eq!(halted.template_ids, vec![id_of(&built()).into()]);
}
