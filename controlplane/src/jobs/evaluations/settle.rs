//! What came of a row, written down; and runs whose calls do not get through.

use uuid::Uuid;

use super::{
    Asked, Work,
    outcome::{self, Cause, Verdict, verdict},
};
use crate::store::{StoreError, evaluations::items};

/// How long proxies may refuse a key that is new to them: they learn of it about a second later.
const KEY_PATIENCE_MS: u64 = 30_000;
/// How long a tenant may be switched off: long enough for whatever is cleared up meanwhile.
const OFF_PATIENCE_MS: u64 = 15 * 60_000;

impl Work {
    /// Writes down what came; what the store does not take waits for the next time.
    pub(super) async fn settle_all(&mut self) -> Result<(), StoreError> {
        while let Some(asked) = self.unsettled.pop() {
            if let Err(error) = self.settle(&asked).await {
                self.unsettled.push(asked);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes down what came of a row.
    async fn settle(&mut self, asked: &Asked) -> Result<(), StoreError> {
        let Some(reply) = &asked.reply else {
            return Ok(());
        };
        let now_ms = self.parts.clock.now_ms();
        let mut tx = self.parts.store.write().await?;
        match verdict((&asked.item, asked.row.as_ref()), reply, asked.latency_ms) {
            Verdict::Answered(answer) => {
                items::answer(&mut tx, &asked.item, &answer, now_ms).await?;
                tx.commit().await?;
                if let Some(live) = self.live.get_mut(&asked.item.run) {
                    live.trouble = None;
                }
                Ok(())
            }
            Verdict::Again { after_ms, cause } => {
                let next_ms = now_ms + after_ms;
                let is_attempt = cause == Cause::Failed;
                items::release(&mut tx, &asked.item, next_ms, is_attempt).await?;
                tx.commit().await?;
                self.wait(asked.item.run, (cause, now_ms), next_ms).await
            }
            Verdict::Fails { reason, message } => {
                tx.rollback().await?;
                self.live.remove(&asked.item.run);
                let why = (reason.as_str(), message.as_str());
                self.parts.fail(asked.item.run, why).await
            }
        }
    }

    /// Has a run wait whose calls do not get through; where that lasts, it has failed.
    async fn wait(
        &mut self,
        id: Uuid,
        (cause, now_ms): (Cause, u64),
        next_ms: u64,
    ) -> Result<(), StoreError> {
        let Some(live) = self.live.get_mut(&id) else {
            return Ok(());
        };
        let (patience_ms, why) = match cause {
            // Of this one row alone.
            Cause::Failed => return Ok(()),
            Cause::Limited => {
                live.wait_until_ms = live.wait_until_ms.max(next_ms);
                live.trouble = None;
                return Ok(());
            }
            Cause::Refused => (KEY_PATIENCE_MS, outcome::REFUSED),
            Cause::Off => (OFF_PATIENCE_MS, outcome::OFF),
            Cause::Unreached => (self.parts.settings.patience_ms, outcome::UNREACHED),
        };
        live.wait_until_ms = live.wait_until_ms.max(next_ms);
        let same = live.trouble.filter(|(before, _)| *before == cause);
        let (_, since_ms) = same.unwrap_or((cause, now_ms));
        live.trouble = Some((cause, since_ms));
        if now_ms.saturating_sub(since_ms) < patience_ms {
            return Ok(());
        }
        self.live.remove(&id);
        self.parts.fail(id, why).await
    }
}
