//! Jobs that ask for other jobs while they run: circles, failures, retries, and a service that stops.

use distributor_tests::{Gate, Place};
use serde_json::{Value, json};

use crate::jobs::{of_script, simple, submit};
use crate::serving::{wait_until_over, walk};
use crate::simulated::{result, whole_graph};

/// A job that needs the next one of a circle, as its parameters say, and tells how that went.
fn in_circle(size: usize) -> String {
    format!(
        r#"
        "$1" job activate || stop
        here=$(sed -n 's/.*"n":\([0-9]*\).*/\1/p' "$DISTRIBUTOR_PARAMETERS")
        next=$(((here + 1) % {size}))
        said=$(sed 's/"parameters":"[^}}]*}}"/"parameters":"{{\\"n\\":'$next'}}"/' "$2" |
            "$1" job depend --quest - 2>&1)
        code=$?
        [ $code -eq 10 ] && exit 0
        said=$(echo "$said" | tr -d '"\\\n')
        "$1" job finish "{{\"code\":$code,\"said\":\"$said\"}}" || stop"#
    )
}

#[test]
fn jobs_that_wait_for_each_other_are_told_the_circle_and_all_end() {
    for size in [1, 2, 3] {
        let place = Place::new();
        let service = place.serve(&[]);
        let mut request = of_script(&place, &in_circle(size));
        request["quest"][0]["parameters"] = json!("{\"n\":0}");
        let answer = service.call("dm.Deps/EnsureGraphData", &request);
        let answer = answer.expect("it is accepted");
        let first = answer["questIds"][0]["id"].as_str().expect("an id");
        wait_until_over(&service, first, 1);
        let quests = whole_graph(&service, first);
        assert_eq!(quests.len(), size, "{quests:?}");
        let ends: Vec<Value> = quests
            .iter()
            .map(|quest| result(&quest["attempts"]["1"]))
            .collect();
        let refused: Vec<&Value> = ends.iter().filter(|end| end["code"] == 2).collect();
        assert_eq!(refused.len(), 1, "{ends:?}");
        let told = refused[0]["said"].as_str().expect("what it was told");
        assert!(told.contains("would wait for itself"), "{told}");
        // From the one that asked, all around, and to it again.
        assert_eq!(told.matches(" -> ").count(), size, "{told}");
        assert!(told.contains(first), "{told}");
        let others = ends.iter().filter(|end| end["code"] == 0).count();
        assert_eq!(others, size - 1, "{ends:?}");
    }
}

#[test]
fn a_dependency_that_fails_wakes_the_job_that_waits_for_it() {
    let place = Place::new();
    let service = place.serve(&[]);
    let gate = Gate::new(&place, "gate");
    let failing = format!("{}; exit 3", gate.stop("needed"));
    let script = format!(
        r#"
        "$1" job activate || stop
        cat >needed.json <<'END'
{}
END
        "$1" job depend --quest needed.json
        code=$?
        [ $code -eq 10 ] && exit 0
        "$1" job finish "{{\"code\":$code}}" || stop"#,
        simple(&["/bin/sh", "-c", &failing])
    );
    let quest = submit(&place, &service, &script);
    gate.arrived();
    service.wait_for(|| {
        let seen = walk(&service, &quest, 1);
        (!seen["data"]["waiting"].is_null()).then_some(())
    });
    gate.open();
    let end = wait_until_over(&service, &quest, 1);
    assert_eq!(result(&end), json!({"code": 1}), "{end}");
    assert_eq!(end["data"]["numExecutions"], 2, "{end}");
}

/// Its first execution ends well and says something; each other one says what it has found and is
/// killed, except for the one that has seen `good_after` kills.
fn killed_until(good_after: usize) -> String {
    format!(
        r#"
        "$1" job activate || stop
        previous=$("$1" job previous) || exit 1
        case $previous in '{{}}') echo first words ;; esac
        echo '{}' | "$1" job depend --quest - >results || stop
        case $previous in
        *'"stdout_tail":"first words'*) echo found >>ledger ;;
        *) echo "lost: $previous" >>ledger ;;
        esac
        [ $(wc -l <ledger) -le {good_after} ] && kill -9 $$
        "$1" job finish '{{"done":true}}' || stop"#,
        simple(&["true"])
    )
}

#[test]
fn a_job_that_is_killed_is_retried_within_its_budget_and_finds_its_previous_state() {
    for (kills, retries, finishes) in [(2, 2, true), (2, 1, false)] {
        let place = Place::new();
        let service = place.serve(&[]);
        let mut request = of_script(&place, &killed_until(kills));
        request["quest"][0]["meta"] = json!({"retry": {"failed": retries, "crashed": retries}});
        let answer = service.call("dm.Deps/EnsureGraphData", &request);
        let answer = answer.expect("it is accepted");
        let quest = answer["questIds"][0]["id"].as_str().expect("an id");
        let end = wait_until_over(&service, quest, 1);
        assert_eq!(!end["data"]["finished"].is_null(), finishes, "{end}");
        // One that waited, one more than the retries.
        assert_eq!(end["data"]["numExecutions"], retries + 2, "{end}");
        assert_eq!(place.read("ledger"), "found\n".repeat(retries + 1));
    }
}

#[test]
fn a_service_that_stops_leaves_running_tasks_be_and_the_next_one_finds_them() {
    let place = Place::new();
    let service = place.serve(&[]);
    let address = service.address().to_owned();
    let gate = Gate::new(&place, "gate");
    let script = format!(
        r#"
        "$1" job activate || stop
        {}
        "$1" job finish '{{"done":true}}' || stop"#,
        gate.stop("$$")
    );
    let quest = submit(&place, &service, &script);
    let pid: i32 = gate.arrived().parse().expect("a process id");
    service.stop().expect(0);
    let works = |pid| place.processes().iter().any(|process| process.pid == pid);
    assert!(works(pid), "the job was ended");
    let service = place.serve_at(&address, &[]);
    gate.open();
    let end = wait_until_over(&service, &quest, 1);
    assert_eq!(result(&end), json!({"done": true}), "{end}");
    assert_eq!(end["data"]["numExecutions"], 1, "{end}");
    assert!(!gate.has_arrivals(), "it was started again");
}
