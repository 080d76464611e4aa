//! Who may do what (`dm-api.md`, section 8; the anonymous caller of A07 and A16).

use distributor_api::{Access, Caller, Callers, Code, Identity, Open, Status};
use distributor_proto::acls::Acls;
use distributor_proto::control;

use super::support::{World, id, run, secs};

fn access(readers: &[&str], writers: &[&str]) -> Access {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let access = Access::nobody();
    access.replace(Ok(Acls {
        readers: names(readers),
        writers: names(writers),
    }));
    access
}

fn member(groups: &[&str]) -> Caller {
    Caller::Named(Identity {
        name: "x".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    })
}

fn denied() -> Status {
    Status::new(Code::PermissionDenied, "not authorized")
}

#[test]
fn nobody_may_do_anything_by_default() {
    let access = Access::nobody();
    for caller in [Caller::Anonymous, member(&[]), member(&["", "writers"])] {
        assert_eq!(access.check_reader(&caller), Err(denied()));
        assert_eq!(access.check_writer(&caller), Err(denied()));
    }
    assert_eq!(access.check_writer(&Caller::Trusted), Ok(()));
}

#[test]
fn readers_read_and_writers_do_both() {
    let access = access(&["r", "s"], &["w"]);
    let may = |groups: &[&str]| {
        let caller = member(groups);
        (
            access.check_reader(&caller).is_ok(),
            access.check_writer(&caller).is_ok(),
        )
    };
    assert_eq!(may(&["r"]), (true, false));
    assert_eq!(may(&["x", "s"]), (true, false));
    assert_eq!(may(&["w"]), (true, true));
    assert_eq!(may(&["r", "w"]), (true, true));
    assert_eq!(may(&["x", "R", "rs", ""]), (false, false));
    assert_eq!(may(&[]), (false, false));
}

#[test]
fn the_anonymous_caller_has_no_groups_not_even_an_empty_one() {
    let access = access(&["", "anonymous"], &["", "anonymous"]);
    assert_eq!(access.check_reader(&Caller::Anonymous), Err(denied()));
    assert_eq!(access.check_writer(&Caller::Anonymous), Err(denied()));
}

#[test]
fn an_unreadable_file_lets_nobody_in_and_says_to_try_again() {
    let access = access(&["r"], &["w"]);
    access.replace(Err("acls.cfg cannot be read".to_owned()));
    for check in [Access::check_reader, Access::check_writer] {
        let status = check(&access, &member(&["w"])).unwrap_err();
        assert_eq!(status.code, Code::Unavailable);
        assert_eq!(check(&access, &Caller::Anonymous), Err(denied()));
        assert_eq!(check(&access, &Caller::Trusted), Ok(()));
    }
    access.replace(Ok(Acls::default()));
    assert_eq!(access.check_reader(&member(&["w"])), Err(denied()));
}

#[test]
fn without_authentication_everybody_is_trusted() {
    for bearer in [None, Some(""), Some("dt_x")] {
        assert_eq!(Open.identify(bearer), Ok(Caller::Trusted));
    }
}

/// Calls every method and returns what became of each.
async fn call_all(world: &World, caller: &Caller) -> Vec<(&'static str, Option<Code>)> {
    let api = &world.api;
    let attempt = Some(id(1).into());
    let code = |status: Status| status.code;
    let cancel = control::CancelRequest {
        attempts: vec![id(1).into()],
        ..Default::default()
    };
    let find = control::FindQuestsRequest {
        prefix: "A".to_owned(),
        limit: 0,
    };
    let log = control::ReadLogRequest {
        execution: Some(id(1).execution(1).into()),
        ..Default::default()
    };
    let collect = control::CollectRequest {
        older_than: Some(distributor_proto::time::duration_from_std(secs(0))),
        dry_run: true,
    };
    let explain = control::ExplainRequest { attempt };
    vec![
        ("cancel", api.cancel(caller, cancel).await.err().map(code)),
        (
            "collect",
            api.collect(caller, collect).await.err().map(code),
        ),
        (
            "list",
            api.list(caller, Default::default()).await.err().map(code),
        ),
        (
            "explain",
            api.explain(caller, explain).await.err().map(code),
        ),
        (
            "watch",
            api.watch(caller, Default::default()).await.err().map(code),
        ),
        (
            "find_quests",
            api.find_quests(caller, find).await.err().map(code),
        ),
        ("read_log", api.read_log(caller, log).await.err().map(code)),
    ]
}

#[test]
fn every_method_checks_its_caller_before_anything_else() {
    run(async {
        let world = World::new();
        let refused = Some(Code::PermissionDenied);
        for caller in [Caller::Anonymous, World::stranger()] {
            for (method, code) in call_all(&world, &caller).await {
                assert_eq!(code, refused, "{method} by {caller:?}");
            }
        }
        for (method, code) in call_all(&world, &World::reader()).await {
            let writes = matches!(method, "cancel" | "collect");
            assert_eq!(code == refused, writes, "{method}: {code:?}");
        }
        for caller in [World::writer(), Caller::Trusted] {
            for (method, code) in call_all(&world, &caller).await {
                // The one thing that is asked for by name and does not exist.
                let expected = (method == "read_log").then_some(Code::NotFound);
                assert_eq!(code, expected, "{method} by {caller:?}");
            }
        }
        world
            .access
            .replace(Err("acls.cfg cannot be read".to_owned()));
        for (method, code) in call_all(&world, &World::writer()).await {
            assert_eq!(code, Some(Code::Unavailable), "{method}");
        }
    });
}
