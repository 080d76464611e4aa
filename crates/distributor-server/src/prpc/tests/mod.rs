//! What the tests of pRPC share: a service with methods of the tests' own beside the real ones, asked
//! without a port. Nothing here sleeps; whoever waits, waits for an event.

mod callers;
mod deps;
mod garbage;
mod golden;
mod limits;
mod negotiation;
mod protocol;
mod timeouts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Caller, Callers, Code, Identity, Parts, Status, Templates};
use distributor_core::{ManualClock, TestingRegistry, Timestamp};
use distributor_host::{Engine, Entrance, Settings, Surroundings};
use distributor_proto::dm;
use distributor_store::MemoryStore;
use http::{HeaderMap, Request, StatusCode, request};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::{Answer, Call, Find, find, routes_of};
use crate::methods::Unary;
use crate::shared::Shared;

/// Runs a test, with a generous guard against hanging for ever.
fn run(test: impl Future<Output = ()>) {
    const GUARD: Duration = Duration::from_secs(120);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(GUARD, test).await })
        .expect("the test hangs");
}

/// A service that nobody listens for.
struct World {
    clock: Arc<ManualClock>,
    routes: Router,
}

impl World {
    /// With the methods of the tests and the real ones, and no tokens needed.
    fn new() -> Self {
        World::with(true, Box::new(test_methods))
    }

    fn with(open: bool, find: Box<Find>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic: None,
        };
        let entrance = Entrance::new(clock.clone(), surroundings);
        let source = Arc::new(TestingRegistry::new(entrance.host()));
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::start(entrance, store, source, Settings::default()).unwrap();
        let api = Api::new(Parts {
            inbound: Inbound::new(&engine, Path::new("no-secrets"), clock.clone()),
            engine,
            clock: clock.clone(),
            access: Arc::new(Access::nobody()),
            templates: Arc::new(Templates::default()),
        });
        let shared = Shared::new(api, Arc::new(Tokens { open }), open);
        World {
            clock,
            routes: routes_of(shared, find),
        }
    }

    async fn ask(&self, request: Request<Body>) -> Reply {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }
}

/// What a client sees.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }

    /// The code; checks what every reply has.
    #[track_caller]
    fn code(&self) -> u32 {
        assert_eq!(self.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(self.header("Content-Type").is_some());
        let code = self.header("X-Prpc-Grpc-Code").unwrap().parse().unwrap();
        assert_eq!(code == 0, self.status == StatusCode::OK, "{self:?}");
        code
    }

    #[track_caller]
    fn check_error(&self, http: u16, code: u32, message: &str) {
        assert_eq!(
            (self.status.as_u16(), self.code()),
            (http, code),
            "{self:?}"
        );
        assert_eq!(self.header("Content-Type"), Some("text/plain"));
        assert_eq!(self.text(), format!("{message}\n"));
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Who shows which token in these tests.
#[derive(Debug)]
struct Tokens {
    open: bool,
}

impl Callers for Tokens {
    fn identify(&self, bearer: Option<&str>) -> Result<Caller, Status> {
        match bearer {
            _ if self.open => Ok(Caller::Trusted),
            None => Ok(Caller::Anonymous),
            Some("good") => Ok(Caller::Named(Identity {
                name: "somebody".to_owned(),
                groups: Vec::new(),
            })),
            Some(_) => Err(Status::new(Code::Unauthenticated, "unknown token")),
        }
    }
}

/// A method that answers with its request, one that fails as it is told, one that says who calls.
fn test_methods(service: &str, method: &str, call: Call) -> Option<Answer> {
    type Desc = dm::quest::Desc;
    let answer = match (service, method) {
        ("test.Test", "Echo") => call.unary(|_, _, request: Desc| async { Ok(request) }),
        ("test.Test", "Walk") => {
            call.unary(|_, _, request: dm::WalkGraphReq| async { Ok(request) })
        }
        ("test.Test", "Fail") => call.unary(|_, _, request: Desc| async move {
            let code = CODES[usize::try_from(request.meta.unwrap().retry.unwrap().failed).unwrap()];
            Err::<(), _>(Status::new(code, "what is wrong"))
        }),
        ("test.Test", "Panic") => call.unary(|_, _, _: Desc| async {
            match std::hint::black_box(true) {
                true => panic!("a test wants it so"),
                false => Ok(()),
            }
        }),
        ("test.Test", "Who") => call.unary(|_, caller, _: Desc| async move {
            Ok(dm::quest::Id {
                id: format!("{caller:?}"),
            })
        }),
        _ => return find(service, method, call),
    };
    Some(answer)
}

/// All codes, in their order.
const CODES: [Code; 16] = [
    Code::Canceled,
    Code::Unknown,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
    Code::Unauthenticated,
];

fn post(method: &str) -> request::Builder {
    Request::post(format!("/prpc/{method}")).header("Host", "localhost:8080")
}

/// A call of the method that echoes, in JSON.
fn post_json() -> request::Builder {
    post("test.Test/Echo")
        .header("Content-Type", "application/json")
        .header("Accept", "application/json")
}

fn send(request: request::Builder, body: impl Into<Body>) -> Request<Body> {
    request.body(body.into()).unwrap()
}
