//! `/v1/webhooks` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation, parts::Deleted},
    keys::MadeSecret,
};
use crate::rest::webhooks;

/// A webhook as it is written. What `GET` tells beside these may come back and changes nothing.
#[derive(ToSchema)]
struct WebhookInput {
    /// `https`, or `http` to an address that the operator allows; never to where only an operator may lead.
    #[schema(example = "https://example.com/hooks/floopy", max_length = 2048)]
    url: String,
    #[schema(min_items = 1)]
    events: Vec<Event>,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// False: nothing is sent for now.
    #[schema(required = false, default = true)]
    active: bool,
}

/// The fields of a webhook that are to change.
#[derive(ToSchema)]
struct WebhookPatch {
    #[schema(nullable = false, max_length = 2048)]
    url: Option<String>,
    #[schema(nullable = false, min_items = 1)]
    events: Option<Vec<Event>>,
    #[schema(max_length = 1000)]
    description: Option<String>,
    #[schema(nullable = false)]
    active: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Event {
    SecurityAlert,
    AlertTriggered,
    BudgetExceeded,
    BudgetWarning,
    ModelPromoted,
    ModelRolledBack,
    JudgeDisagrees,
}

/// Who is told of what.
#[derive(ToSchema)]
struct Webhook {
    #[schema(format = Uuid)]
    id: String,
    url: String,
    events: Vec<Event>,
    description: Option<String>,
    active: bool,
    /// Until when the secret before the current one signs, too.
    #[schema(format = DateTime)]
    previous_secret_valid_until: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// What deliveries are signed with (HMAC-SHA256): told when it is made, and never again. Null where the answer is
    /// given again for an `Idempotency-Key`.
    #[schema(nullable = false)]
    secret: Option<MadeSecret>,
}

/// One event on its way to one webhook.
#[derive(ToSchema)]
struct Delivery {
    #[schema(format = Uuid)]
    delivery_id: String,
    /// One of the events that are subscribed to, or `test`.
    event: String,
    status: DeliveryStatus,
    attempts: u64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// HTTP status of the last attempt; null: none was answered.
    last_status: Option<u64>,
    /// Why the last attempt failed.
    last_error: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum DeliveryStatus {
    Pending,
    Delivered,
    Failed,
}

const ONE: &str = "/v1/webhooks/{id}";

pub(super) fn routes() -> Routes {
    Routes::of("Webhooks")
        .get(
            "/v1/webhooks",
            webhooks::list,
            Operation::new("listWebhooks", "All webhooks")
                .says("One page holds them all.")
                .answers_page::<Webhook>("The webhooks, the oldest first."),
        )
        .post(
            "/v1/webhooks",
            webhooks::create,
            Operation::new("createWebhook", "Make a webhook")
                .says("At most 20. How deliveries are signed is said in `docs/webhooks.md`.")
                .takes::<WebhookInput>()
                .answers::<Webhook>(201, "The webhook, with its secret."),
        )
        .and(one())
        .and(secrets())
        .and(deliveries())
}

fn one() -> Routes {
    Routes::of("Webhooks")
        .get(
            ONE,
            webhooks::get,
            Operation::new("getWebhook", "One webhook").answers::<Webhook>(200, "The webhook."),
        )
        .put(
            ONE,
            webhooks::put,
            Operation::new("replaceWebhook", "Replace a webhook")
                .says("All of it but its secret.")
                .takes::<WebhookInput>()
                .answers::<Webhook>(200, "The webhook as it is now."),
        )
        .patch(
            ONE,
            webhooks::patch,
            Operation::new("changeWebhook", "Change fields of a webhook")
                .says("The fields that are not named stay.")
                .takes::<WebhookPatch>()
                .answers::<Webhook>(200, "The webhook as it is now."),
        )
        .delete(
            ONE,
            webhooks::delete,
            Operation::new("deleteWebhook", "Delete a webhook")
                .says("What was still to be sent to it is not sent.")
                .answers::<Deleted>(200, "It is gone."),
        )
}

fn secrets() -> Routes {
    Routes::of("Webhooks").post(
        "/v1/webhooks/{id}/rotate_secret",
        webhooks::rotate,
        Operation::new("rotateWebhookSecret", "Make a new secret")
            .says("The one before signs for a day more, beside the new one.")
            .answers::<Webhook>(200, "The webhook, with its new secret."),
    )
}

fn deliveries() -> Routes {
    Routes::of("Webhooks")
        .post(
            "/v1/webhooks/{id}/test",
            webhooks::test,
            Operation::new("testWebhook", "Send a test")
                .says("An event `test` is queued. Where the webhook is not active it is refused with 400 (`param`: \
                    `active`): nothing would be sent.")
                .answers::<Delivery>(202, "The delivery."),
        )
        .get(
            "/v1/webhooks/{id}/deliveries",
            webhooks::list_deliveries,
            Operation::new("listDeliveries", "What was sent")
                .pages()
                .answers_page::<Delivery>("The deliveries, the newest first."),
        )
        .post(
            "/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
            webhooks::redeliver,
            Operation::new("redeliver", "Send once more")
                .says("The same delivery under the same id; one that still waits is left as it is. Where the webhook is \
                    not active it is refused with 400 (`param`: `active`), and what came of the delivery stays.")
                .answers::<Delivery>(202, "The delivery."),
        )
}
