//! The tokens of a conversation, counted by whoever would serve it.

use std::time::Duration;

use floopy_protocols::ProviderApi;

use super::{
    Errand, Limits, Upstream,
    attempt::{Reply, WholeReply},
};

/// Anthropic counts in well under a second. Callers count before each of their turns: who has waited longer than
/// this is better served with an estimate.
const DEADLINE: Duration = Duration::from_secs(3);

impl Upstream {
    /// `None`: the API of who would serve it does not count, or nothing came of asking. It costs nothing, and says
    /// nothing of how well a provider serves.
    pub(crate) async fn count(&self, errand: &Errand<'_>) -> Option<WholeReply> {
        let model = errand.order.first()?;
        let provider = errand.providers.get(model.key.provider())?;
        if provider.api != ProviderApi::Messages || provider.credentials.is_none() {
            return None;
        }
        let limits = Limits {
            first_byte: self.limits.first_byte.min(DEADLINE),
            total: self.limits.total.min(DEADLINE),
            ..self.limits
        };
        let answered = self.put(&limits, errand, provider, model.key.model());
        match answered.await {
            Ok(Reply::Whole(whole)) => Some(whole),
            Ok(Reply::Stream(_)) => None,
            Err(failure) => {
                tracing::debug!(candidate = %model.key, %failure, "tokens were not counted");
                None
            }
        }
    }
}
