//! Tokens, and web pages where there are none.

use super::{World, post, run, send, test_methods};

#[test]
fn a_token_says_who_calls() {
    run(async {
        let world = World::with(false, Box::new(test_methods));
        let who = || post("test.Test/Who").header("Accept", "application/prpc; encoding=text");
        let reply = world.ask(send(who(), "")).await;
        assert_eq!(reply.text(), "id: \"Anonymous\"\n");
        let reply = world
            .ask(send(who().header("Authorization", "Bearer good"), ""))
            .await;
        assert!(reply.text().contains("somebody"), "{reply:?}");
        for bad in ["Bearer bad", "Basic Z29vZA==", "good", ""] {
            let reply = world
                .ask(send(who().header("Authorization", bad), ""))
                .await;
            assert_eq!((reply.status.as_u16(), reply.code()), (401, 16), "{bad}");
            assert!(!reply.text().contains("Z29v"));
        }
    });
}

#[test]
fn no_web_page_drives_an_open_service() {
    run(async {
        let world = World::new();
        let of_page = post("test.Test/Echo").header("Origin", "http://localhost:8080");
        let reply = world.ask(send(of_page, "")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (403, 7));
        let rebound = http::Request::post("/prpc/test.Test/Echo").header("Host", "evil.example");
        let reply = world.ask(send(rebound, "")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (403, 7));

        let world = World::with(false, Box::new(test_methods));
        let of_page = http::Request::post("/prpc/test.Test/Echo")
            .header("Host", "service.example")
            .header("Origin", "https://page.example")
            .header("Authorization", "Bearer good");
        assert_eq!(world.ask(send(of_page, "")).await.code(), 0);
    });
}
