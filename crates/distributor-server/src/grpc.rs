//! gRPC: `/<service>/<method>`, with reflection and health.
