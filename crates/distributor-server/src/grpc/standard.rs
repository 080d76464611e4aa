//! The services that every gRPC service has: reflection (v1 and v1alpha) and health.

use axum::Router;
use axum::extract::Request;
use http::Response;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder;
use tower::ServiceExt;

use crate::methods::SERVICES;

/// Longest message of a request, in bytes: they are names.
const LONGEST_QUESTION: usize = 4096;

/// The services. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Standard {
    names: Vec<&'static str>,
    router: Router,
}

/// What says whether the service is up.
#[derive(Debug)]
pub(crate) struct Health(HealthReporter);

impl Health {
    async fn set(&self, status: ServingStatus) {
        // The empty name is the whole server's.
        for service in SERVICES.iter().copied().chain([""]) {
            self.0.set_service_status(service, status).await;
        }
    }

    /// From now on, nothing is served.
    pub(crate) async fn stop(&self) {
        self.set(ServingStatus::NotServing).await;
    }
}

impl Standard {
    /// With what changes the health.
    pub(super) async fn new() -> (Self, Health) {
        let (reporter, health) = tonic_health::server::health_reporter();
        let reporter = Health(reporter);
        reporter.set(ServingStatus::Serving).await;
        let mut standard = Standard {
            names: Vec::new(),
            router: Router::new(),
        };
        standard.add(health.max_decoding_message_size(LONGEST_QUESTION));
        match (descriptors().build_v1(), descriptors().build_v1alpha()) {
            (Ok(v1), Ok(v1alpha)) => {
                standard.add(v1.max_decoding_message_size(LONGEST_QUESTION));
                standard.add(v1alpha.max_decoding_message_size(LONGEST_QUESTION));
            }
            (v1, v1alpha) => {
                for error in [v1.err(), v1alpha.err()].into_iter().flatten() {
                    tracing::error!("there is no reflection service: {error}");
                }
            }
        }
        (standard, reporter)
    }

    fn add<S>(&mut self, service: S)
    where
        S: NamedService
            + tower::Service<Request, Response = Response<Body>, Error = std::convert::Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        self.names.push(S::NAME);
        let router = std::mem::take(&mut self.router);
        self.router = router.route_service(&format!("/{}/{{method}}", S::NAME), service);
    }

    /// Is this one of them?
    pub(super) fn has(&self, service: &str) -> bool {
        self.names.contains(&service)
    }

    /// Calls one of them.
    pub(super) async fn serve(self, request: Request) -> Response<Body> {
        let answer = self.router.oneshot(request).await;
        let Ok(response) = answer;
        response.map(Body::new)
    }
}

fn descriptors() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(distributor_proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
