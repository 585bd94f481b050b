//! `/v1/projects` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::projects;

/// A project as it is written.
#[derive(ToSchema)]
struct ProjectInput {
    /// No other project has it; spaces around it are taken off.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"\S",
        example = "support-bot"
    )]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Calls are counted for it where neither they nor their key say. Takes the place of the one that was it before.
    #[schema(required = false, default = false)]
    default: bool,
}

/// What calls are counted for.
#[derive(ToSchema)]
struct Project {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    description: Option<String>,
    default: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

pub(super) fn routes() -> Routes {
    let one = "/v1/projects/{id}";
    Routes::of("Projects")
        .get(
            "/v1/projects",
            projects::list,
            Operation::new("listProjects", "All projects")
                .says("One page holds them all.")
                .answers_page::<Project>("The projects, the oldest first."),
        )
        .post(
            "/v1/projects",
            projects::create,
            Operation::new("createProject", "Make a project")
                .says("Plans limit how many there may be (403 `plan_required` with `feature: projects`).")
                .takes::<ProjectInput>()
                .answers::<Project>(201, "The project."),
        )
        .get(
            one,
            projects::get,
            Operation::new("getProject", "One project").answers::<Project>(200, "The project."),
        )
        .put(
            one,
            projects::put,
            Operation::new("replaceProject", "Replace a project")
                .takes::<ProjectInput>()
                .answers::<Project>(200, "The project as it is now."),
        )
        .delete(
            one,
            projects::delete,
            Operation::new("deleteProject", "Delete a project")
                .says("Refused with 400 while a key is held to it. What was counted for it stays counted.")
                .answers::<Deleted>(200, "It is gone."),
        )
}
