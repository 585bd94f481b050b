//! The process itself, for whoever runs Floopy.

use utoipa::ToSchema;

use super::{super::super::Routes, operation};
use crate::rest::operator::{log, reload};

/// What came of reading the configuration again.
#[derive(ToSchema)]
struct Reload {
    object: String,
    /// Keys that changed and are in force now, such as `tenants[acme].plan`.
    applied: Vec<String>,
    /// Keys that changed and are in force with the next start.
    needs_restart: Vec<String>,
}

/// The configuration of the process that answers, as it was read last.
#[derive(ToSchema)]
struct Configuration {
    /// Always `configuration`.
    object: String,
    /// Where it was read; null: nowhere, all is as by default.
    file: Option<String>,
    /// Keys that the file sets, such as `tenants[acme].plan`; the others have their defaults, or are from the environment.
    set: Vec<String>,
    /// Keys that changed in the file, and are in force with the next start.
    needs_restart: Vec<String>,
    /// Everything that can be set, as docs/configuration.md describes it; `***` stands for each secret.
    configuration: serde_json::Map<String, serde_json::Value>,
}

/// What is logged.
#[derive(ToSchema)]
struct Log {
    /// Always `log`.
    object: String,
    /// Where `RUST_LOG` was set when the process started, that.
    #[schema(example = "info,hyper=debug")]
    filter: String,
}

/// What is to be logged.
#[derive(ToSchema)]
struct LogInput {
    /// A level, and those of parts that have another.
    #[schema(
        example = "info,hyper=debug",
        pattern = "^(off|error|warn|info|debug|trace)(,[a-z0-9_:]{1,60}=(off|error|warn|info|debug|trace)){0,8}$"
    )]
    filter: String,
}

pub(super) fn routes() -> Routes {
    let log_path = "/v1/operator/log";
    Routes::of("System")
        .post(
            "/v1/operator/reload",
            reload::reload,
            operation("reloadConfiguration", "Read the configuration again")
                .says(
                    "All of it is checked first: one that cannot be used is refused with 400 \
                    `invalid_configuration`, and what was in force stays. A process that has no file answers 501.",
                )
                .answers::<Reload>(200, "What changed.")
                .refuses(501),
        )
        .get(
            "/v1/operator/configuration",
            reload::show,
            operation("getConfiguration", "The configuration in force")
                .answers::<Configuration>(200, "What was read last, without secrets.")
                .refuses(501),
        )
        .get(
            log_path,
            log::get,
            operation("getLog", "What is logged")
                .answers::<Log>(200, "Of the process that answers.")
                .refuses(501),
        )
        .put(
            log_path,
            log::put,
            operation("putLog", "Log more, or less")
                .says("In force at once, until it is changed again or the process ends; written down in the audit log.")
                .takes::<LogInput>()
                .answers::<Log>(200, "What is logged from now on.")
                .refuses(501),
        )
}
