//! What the control plane knows that was spent of budgets.

use std::time::Duration;

use floopy_proto::v1::{SpentRequest, budgets_client::BudgetsClient};
use floopy_shared::{
    domain::budget::Spent, process::rpc::PlaneToken, wire::budget::spent_from_wire,
};
use tokio::time::timeout;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

/// Largest answer: what one batch of events changed is told at once.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Rows of one answer.
pub(crate) struct Page {
    pub rows: Vec<Spent>,
    /// What is to be asked for next.
    pub since_ms: u64,
    pub has_more: bool,
}

/// Asks for it.
pub(crate) struct Told {
    client: BudgetsClient<InterceptedService<Channel, PlaneToken>>,
    deadline: Duration,
}

impl Told {
    pub(crate) fn new(channel: Channel, token: PlaneToken, deadline: Duration) -> Self {
        let client = BudgetsClient::with_interceptor(channel, token)
            .max_decoding_message_size(MAX_ANSWER_BYTES);
        Self { client, deadline }
    }

    /// `None`: there is no answer in time, or none that can be read.
    pub(crate) async fn since(&self, since_ms: u64) -> Option<Page> {
        let mut client = self.client.clone();
        let asked = client.spent(SpentRequest { since_ms });
        let answer = timeout(self.deadline, asked).await.ok()?.ok()?;
        let answer = answer.into_inner();
        Some(Page {
            rows: spent_from_wire(answer.rows).ok()?,
            since_ms: answer.since_ms,
            has_more: answer.has_more,
        })
    }
}
