//! `List` and `FindQuests`.

use distributor_api::Code;
use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::{AttemptId, dm};
use distributor_proto::control::list_response::Counts;
use distributor_proto::control::{FindQuestsRequest, ListRequest};

use super::support::{Backend, Quest, World, run};

/// Ten that are over and two that are not, in the order of their creation.
async fn twelve(world: &World) -> Vec<AttemptId> {
    world.backend("now", Backend::instant());
    world.backend("farm", Backend::running());
    let mut attempts = Vec::new();
    for number in 0..10 {
        let attempt = world.ensure(&Quest::simple("now", number)).await;
        world.until_final(attempt).await;
        attempts.push(attempt);
    }
    let running = world.ensure(&Quest::simple("farm", 10)).await;
    world.until_executing(running).await;
    attempts.push(running);
    attempts.push(
        world
            .ensure(&Quest::simple("now", 11).needs(&[running]))
            .await,
    );
    attempts
}

/// The attempts of all pages.
async fn pages(world: &World, all: bool, page_size: u32) -> Vec<Vec<AttemptId>> {
    let mut pages = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRequest {
            all,
            page_size,
            page_token,
        };
        let answer = world.api.list(&World::reader(), request).await.unwrap();
        let ids = answer.attempts.iter().map(|item| item.id.as_ref().unwrap());
        pages.push(ids.map(|id| AttemptId::try_from(id).unwrap()).collect());
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return pages;
        }
    }
}

#[test]
fn pages_go_from_the_newest_to_the_oldest() {
    run(async {
        let world = World::new();
        let mut expected = twelve(&world).await;
        expected.reverse();
        let all = pages(&world, true, 5).await;
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 2]);
        assert_eq!(all.concat(), expected);
        assert_eq!(pages(&world, true, 0).await, [expected.clone()]);
        assert_eq!(pages(&world, true, u32::MAX).await, [expected.clone()]);
        assert_eq!(pages(&world, false, 1).await.concat(), expected[..2]);
    });
}

#[test]
fn counts_are_of_all_and_items_show_no_result() {
    run(async {
        let world = World::new();
        twelve(&world).await;
        let request = ListRequest {
            all: true,
            page_size: 3,
            page_token: String::new(),
        };
        let answer = world.api.list(&World::reader(), request).await.unwrap();
        let expected = Counts {
            executing: 1,
            waiting: 1,
            finished: 10,
            ..Counts::default()
        };
        assert_eq!(answer.counts, Some(expected));
        let items = answer.attempts.into_iter();
        let seen: Vec<_> = items
            .map(|item| (item.distributor_config_name, item.data.unwrap()))
            .collect();
        assert_eq!(seen[0].0, "now");
        assert_eq!(seen[1].0, "farm");
        let types: Vec<_> = seen
            .iter()
            .map(|(_, data)| data.attempt_type.clone())
            .collect();
        let waiting = dm::attempt::data::Waiting { num_waiting: 1 };
        let executing = dm::attempt::data::Executing {
            cur_execution_id: 1,
        };
        assert_eq!(types[0], Some(AttemptType::Waiting(waiting)));
        assert_eq!(types[1], Some(AttemptType::Executing(executing)));
        let Some(AttemptType::Finished(finished)) = &types[2] else {
            panic!("{types:?}");
        };
        let result = finished.data.clone().unwrap();
        assert_eq!((result.object.as_str(), result.size), ("", 2));
    });
}

#[test]
fn a_page_token_is_checked() {
    run(async {
        let world = World::new();
        twelve(&world).await;
        let list = |all, page_token: &str| {
            let request = ListRequest {
                all,
                page_size: 5,
                page_token: page_token.to_owned(),
            };
            let api = world.api.clone();
            async move { api.list(&World::reader(), request).await }
        };
        let token = list(true, "").await.unwrap().next_page_token;
        let long = "A".repeat(1 << 20);
        for (all, token) in [
            (false, token.as_str()),
            (true, "7"),
            (true, &token[1..]),
            (true, &long),
        ] {
            let status = list(all, token).await.unwrap_err();
            assert_eq!(status.code, Code::InvalidArgument);
            assert!(status.message.starts_with("page_token: "), "{status}");
            assert!(status.message.len() < 200, "{status}");
        }
        assert!(list(true, &token).await.is_ok());
    });
}

#[test]
fn quests_are_found_by_the_beginning_of_their_id() {
    run(async {
        let world = World::new();
        let attempts = twelve(&world).await;
        let find = |prefix: &str, limit| {
            let request = FindQuestsRequest {
                prefix: prefix.to_owned(),
                limit,
            };
            let api = world.api.clone();
            async move { api.find_quests(&World::reader(), request).await }
        };
        let mut texts: Vec<String> = attempts.iter().map(|id| id.quest.to_string()).collect();
        texts.sort();
        for text in &texts {
            for length in [1, 4, 42, 43] {
                let prefix = &text[..length];
                let found = find(prefix, 0).await.unwrap().quests;
                let found: Vec<&String> = found.iter().map(|quest| &quest.id).collect();
                let expected: Vec<&String> =
                    texts.iter().filter(|it| it.starts_with(prefix)).collect();
                assert_eq!(found, expected);
                assert_eq!(find(prefix, 1).await.unwrap().quests.len(), 1);
            }
        }
        for prefix in ["", "é", "a b", "%", "../x", &"A".repeat(44)] {
            let status = find(prefix, 0).await.unwrap_err();
            assert_eq!(status.code, Code::InvalidArgument);
            assert!(status.message.starts_with("prefix: "), "{status}");
        }
    });
}
