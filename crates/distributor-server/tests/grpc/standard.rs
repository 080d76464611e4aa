//! Health and reflection.

use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::World;

const SERVICES: [&str; 2] = ["distributor.control.Control", "dm.Deps"];

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

fn status(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tokio::test]
async fn every_service_is_healthy_until_the_end() {
    let mut world = World::open().await;
    let mut health = HealthClient::new(world.channel().await);
    for service in SERVICES.into_iter().chain([""]) {
        let answer = health.check(of(service)).await.unwrap().into_inner();
        assert_eq!(answer, status(ServingStatus::Serving), "{service}");
    }
    let unknown = health.check(of("dm.Nothing")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    let watch = health.watch(of("dm.Deps")).await.unwrap();
    let mut watch = watch.into_inner();
    let first = watch.message().await.unwrap();
    assert_eq!(first, Some(status(ServingStatus::Serving)));
    world.stop();
    let second = watch.message().await.unwrap();
    assert_eq!(second, Some(status(ServingStatus::NotServing)));
    let end = watch.message().await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    world.stopped().await;
}

macro_rules! reflection {
    ($($test:ident: $version:ident, $name:literal;)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                use $version::server_reflection_client::ServerReflectionClient;
                use $version::server_reflection_request::MessageRequest;
                use $version::server_reflection_response::MessageResponse;
                use $version::ServerReflectionRequest;

                let world = World::open().await;
                let mut client = ServerReflectionClient::new(world.channel().await);
                let ask = |question| ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(question),
                };
                let list = ask(MessageRequest::ListServices(String::new()));
                let find = ask(MessageRequest::FileContainingSymbol("dm.Quest.Desc".to_owned()));
                let answers = client
                    .server_reflection_info(crate::support::Questions::new([list, find]))
                    .await;
                let mut answers = answers.unwrap().into_inner();

                let answer = answers.message().await.unwrap().unwrap().message_response;
                let Some(MessageResponse::ListServicesResponse(list)) = answer else {
                    panic!("not a list: {answer:?}");
                };
                let names: Vec<_> = list.service.iter().map(|it| it.name.as_str()).collect();
                for service in SERVICES.into_iter().chain(["grpc.health.v1.Health", $name]) {
                    assert!(names.contains(&service), "{service} in {names:?}");
                }
                let answer = answers.message().await.unwrap().unwrap().message_response;
                let Some(MessageResponse::FileDescriptorResponse(found)) = answer else {
                    panic!("not a file: {answer:?}");
                };
                assert_eq!(found.file_descriptor_proto.len(), 1);

                // It does not hold up the end, although the client could go on asking.
                world.stopped().await;
            }
        )*
    };
}

reflection! {
    reflection_lists_the_services: v1, "grpc.reflection.v1.ServerReflection";
    reflection_of_old_clients_lists_the_services: v1alpha, "grpc.reflection.v1alpha.ServerReflection";
}
