//! `ReadLog`.

use distributor_api::{Code, Status};
use distributor_core::ExecutionId;
use distributor_proto::control::read_log_request::Stream;
use distributor_proto::control::{ReadLogRequest, ReadLogResponse};

use super::support::{Backend, Quest, World, id, run};

fn request(execution: ExecutionId, offset: u64, limit: u32) -> ReadLogRequest {
    ReadLogRequest {
        execution: Some(execution.into()),
        stream: Stream::Stdout.into(),
        offset,
        limit,
    }
}

async fn read(world: &World, request: ReadLogRequest) -> Result<ReadLogResponse, Status> {
    world.api.read_log(&World::reader(), request).await
}

async fn execution(world: &World, config: &str) -> ExecutionId {
    let attempt = world.ensure(&Quest::simple(config, 1)).await;
    world.until_executing(attempt).await;
    attempt.execution(1)
}

#[test]
fn an_output_is_read_piece_by_piece() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running().with_output(b"hello world"));
        let execution = execution(&world, "farm").await;
        let first = read(&world, request(execution, 0, 5)).await.unwrap();
        assert_eq!(
            (first.data.as_slice(), first.complete),
            (&b"hello"[..], false)
        );
        let rest = read(&world, request(execution, 5, 0)).await.unwrap();
        assert_eq!(
            (rest.data.as_slice(), rest.complete),
            (&b" world"[..], true)
        );
        let beyond = read(&world, request(execution, u64::MAX, 0)).await.unwrap();
        assert_eq!((beyond.data.as_slice(), beyond.complete), (&b""[..], true));
        let stderr = ReadLogRequest {
            stream: Stream::Stderr.into(),
            ..request(execution, 0, 0)
        };
        assert_eq!(read(&world, stderr).await.unwrap().data, b"");
    });
}

#[test]
fn an_answer_has_a_largest_size() {
    run(async {
        let world = World::new();
        let output = vec![b'x'; 3 << 20];
        let backend = Backend::running()
            .with_output(&output)
            .that_ignores_limits();
        world.backend("farm", backend);
        let execution = execution(&world, "farm").await;
        for limit in [0, u32::MAX] {
            let answer = read(&world, request(execution, 0, limit)).await.unwrap();
            assert_eq!((answer.data.len(), answer.complete), (1 << 20, false));
        }
        let answer = read(&world, request(execution, 0, 7)).await.unwrap();
        assert_eq!((answer.data.len(), answer.complete), (7, false));
    });
}

#[test]
fn a_backend_without_logs_says_where_to_look() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running());
        let execution = execution(&world, "farm").await;
        let status = read(&world, request(execution, 0, 0)).await.unwrap_err();
        assert_eq!(status.code, Code::Unimplemented);
        let expected =
            format!("look at the info url: https://farm.example.com/task of {execution}");
        assert!(status.message.ends_with(&expected), "{status}");
    });
}

#[test]
fn what_is_not_there_and_what_is_no_request() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running().with_output(b"x"));
        let known = execution(&world, "farm").await;
        for execution in [id(9).execution(1), known.attempt.execution(2)] {
            let status = read(&world, request(execution, 0, 0)).await.unwrap_err();
            assert_eq!(status.code, Code::NotFound);
            assert!(status.message.contains(&execution.to_string()), "{status}");
        }
        let none = ReadLogRequest::default();
        let bad_stream = ReadLogRequest {
            stream: 7,
            ..request(known, 0, 0)
        };
        let mut bad_id = request(known, 0, 0);
        bad_id.execution.as_mut().unwrap().id = 0;
        for (request, field) in [
            (none, "execution: "),
            (bad_id, "execution: "),
            (bad_stream, "stream: "),
        ] {
            let status = read(&world, request).await.unwrap_err();
            assert_eq!(status.code, Code::InvalidArgument);
            assert!(status.message.starts_with(field), "{status}");
        }
        // Its configuration was removed, and nothing but the backend knows the output.
        world.backends.remove("farm");
        let status = read(&world, request(known, 0, 0)).await.unwrap_err();
        assert_eq!(status.code, Code::FailedPrecondition, "{status}");
    });
}
