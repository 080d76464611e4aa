//! Backend kinds and a host for tests. The schemas are built by hand, so that no backend crate is
//! needed here.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use distributor_core::{
    BackendDescriptor, Capabilities, Clock, Config, ConfigSnapshot, Distributor, Error, ErrorKind,
    ExecutionId, HelperCommand, Host, ManualClock, Notification, QueueTask, Registry, Result,
    RunRequest, Started, TaskResult, TaskState, Timestamp, Token, Topic, dm,
};
use prost::Message;
use prost_reflect::DescriptorPool;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MessageOptions,
};

/// A backend that only shows how it was configured.
#[derive(Debug)]
pub(crate) struct Stub(pub(crate) Config);

#[async_trait]
impl Distributor for Stub {
    async fn run(&self, _: RunRequest) -> Result<Started> {
        Err(Error::new(ErrorKind::Unsupported, "a stub runs nothing"))
    }

    async fn cancel(&self, _: &dm::quest::Desc, _: &Token) -> Result<()> {
        Ok(())
    }

    async fn get_status(&self, _: &dm::quest::Desc, _: &Token) -> Result<TaskState> {
        Ok(TaskState::Running)
    }

    fn info_url(&self, _: &Token) -> String {
        let snapshot = self.0.snapshot();
        format!(
            "{} {} {} {}",
            snapshot.name, snapshot.version, snapshot.config_type, snapshot.dm_host
        )
    }

    async fn handle_notification(
        &self,
        _: &dm::quest::Desc,
        _: &Token,
        _: &Notification,
    ) -> Result<Option<TaskResult>> {
        Ok(None)
    }

    async fn handle_task_queue_task(&self, _: QueueTask) -> Result<Vec<Notification>> {
        Ok(Vec::new())
    }

    fn validate(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// A host whose clock stands still and that lends nothing else.
#[derive(Debug)]
pub(crate) struct TestHost(Arc<ManualClock>);

impl TestHost {
    pub(crate) fn shared() -> Arc<dyn Host> {
        Arc::new(TestHost(Arc::new(ManualClock::new(Timestamp::default()))))
    }
}

#[async_trait]
impl Host for TestHost {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0) as Arc<dyn Clock>
    }

    fn notify(&self, _: Notification) {}

    async fn prepare_topic(&self, _: &ConfigSnapshot, _: ExecutionId) -> Result<Topic> {
        Err(unsupported())
    }

    async fn enqueue_task(&self, _: &ConfigSnapshot, _: QueueTask) -> Result<()> {
        Err(unsupported())
    }

    fn state_directory(&self, _: &ConfigSnapshot) -> Result<PathBuf> {
        Err(unsupported())
    }

    fn helper(&self, _: &str) -> Result<HelperCommand> {
        Err(unsupported())
    }
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "not in this test")
}

/// A kind whose factory gives a [`Stub`].
pub(crate) fn kind(
    kind: &'static str,
    number: u32,
    config_type: &'static str,
    files: Vec<FileDescriptorProto>,
) -> BackendDescriptor {
    let set = FileDescriptorSet { file: files };
    BackendDescriptor {
        kind,
        number,
        config_type,
        descriptor_set: set.encode_to_vec().leak(),
        summary: "a test kind",
        example: "",
        works_unconfigured: false,
        capabilities: Capabilities::default(),
        factory: |config| Ok(Arc::new(Stub(config))),
        crate_name: "test-crate",
        location: "lib.rs:1",
    }
}

pub(crate) fn file(name: &str, package: &str, message: DescriptorProto) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        message_type: vec![message],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    }
}

pub(crate) fn message(name: &str, field: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto {
        name: Some(name.to_owned()),
        field,
        ..Default::default()
    }
}

pub(crate) fn field(name: &str, number: i32, of: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(of.into()),
        ..Default::default()
    }
}

fn of_type(name: &str, number: i32, of: Type, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto {
        type_name: Some(type_name.to_owned()),
        ..field(name, number, of)
    }
}

fn repeated(field: FieldDescriptorProto) -> FieldDescriptorProto {
    FieldDescriptorProto {
        label: Some(Label::Repeated.into()),
        ..field
    }
}

pub(crate) fn well_known(name: &str) -> FileDescriptorProto {
    let pool = DescriptorPool::global();
    let file = pool.get_file_by_name(name).expect("a well-known file");
    file.file_descriptor_proto().clone()
}

const DURATION: &str = "google/protobuf/duration.proto";

pub(crate) fn noop() -> BackendDescriptor {
    let mut config = message(
        "Config",
        vec![
            of_type("delay", 1, Type::Message, ".google.protobuf.Duration"),
            of_type(
                "failure",
                2,
                Type::Message,
                ".distributor.backend.noop.Config.Failure",
            ),
        ],
    );
    config.nested_type = vec![message(
        "Failure",
        vec![
            field("status", 1, Type::String),
            field("reason", 2, Type::String),
        ],
    )];
    let mut noop = file(
        "distributor/backend/noop/config.proto",
        "distributor.backend.noop",
        config,
    );
    noop.dependency = vec![DURATION.to_owned()];
    BackendDescriptor {
        works_unconfigured: true,
        ..kind(
            "noop",
            2049,
            "distributor.backend.noop.Config",
            vec![well_known(DURATION), noop],
        )
    }
}

pub(crate) fn jobsim() -> BackendDescriptor {
    let fields = vec![
        field("pool", 1, Type::String),
        field("do_pollback", 2, Type::Bool),
    ];
    let file = file("jobsim/config.proto", "jobsim", message("Config", fields));
    let fails: fn(Config) -> Result<Arc<dyn Distributor>> = |config| {
        if config.snapshot().content.is_empty() {
            return Err(Error::new(ErrorKind::Config, "pool must not be empty"));
        }
        Ok(Arc::new(Stub(config)))
    };
    BackendDescriptor {
        factory: fails,
        ..kind("jobsim", 2048, "jobsim.Config", vec![file])
    }
}

pub(crate) fn swarming_v1() -> BackendDescriptor {
    let mut config = message(
        "Config",
        vec![
            of_type("swarming", 1, Type::Message, ".swarmingV1.Config.Swarming"),
            of_type("isolate", 2, Type::Message, ".swarmingV1.Config.Isolate"),
        ],
    );
    config.nested_type = vec![
        message("Swarming", vec![field("url", 1, Type::String)]),
        message(
            "Isolate",
            vec![
                field("url", 1, Type::String),
                of_type("expiration", 2, Type::Message, ".google.protobuf.Duration"),
            ],
        ),
    ];
    let mut file = file("swarming_v1/config.proto", "swarmingV1", config);
    file.dependency = vec![DURATION.to_owned()];
    kind(
        "swarming_v1",
        4,
        "swarmingV1.Config",
        vec![well_known(DURATION), file],
    )
}

/// A kind with every sort of field.
pub(crate) fn sampler() -> BackendDescriptor {
    let mut entry = message(
        "EnvEntry",
        vec![
            field("key", 1, Type::String),
            field("value", 2, Type::String),
        ],
    );
    entry.options = Some(MessageOptions {
        map_entry: Some(true),
        ..Default::default()
    });
    let mut sampler = message(
        "Sampler",
        vec![
            repeated(of_type("env", 1, Type::Message, ".test.Sampler.EnvEntry")),
            repeated(field("sizes", 2, Type::Uint32)),
            of_type("mode", 3, Type::Enum, ".test.Sampler.Mode"),
            repeated(of_type("child", 4, Type::Message, ".test.Sampler")),
            field("ratio", 5, Type::Double),
            of_type("extra", 6, Type::Message, ".google.protobuf.Any"),
            field("on", 7, Type::Bool),
            field("data", 8, Type::Bytes),
        ],
    );
    sampler.nested_type = vec![entry];
    let value = |name: &str, number| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..Default::default()
    };
    sampler.enum_type = vec![EnumDescriptorProto {
        name: Some("Mode".to_owned()),
        value: vec![value("SLOW", 0), value("FAST", 1)],
        ..Default::default()
    }];
    let mut file = file("test/sampler.proto", "test", sampler);
    let any = "google/protobuf/any.proto";
    file.dependency = vec![any.to_owned()];
    kind("sampler", 3000, "test.Sampler", vec![well_known(any), file])
}

/// noop, jobsim and sampler; `swarming_v1` is not compiled in.
pub(crate) fn test_registry() -> Registry {
    Registry::with([sampler(), noop(), jobsim()]).expect("the kinds fit together")
}
