//! What the configuration says and may say anew while the control plane runs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    config::{Learning, Objective},
    index::{KnownModels, build::Policy},
    learn::{policy::Goal, pool::Privacy},
    plans::Plans,
};

/// What is in force together.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// What may serve whom.
    pub(crate) models: KnownModels,
    /// What tenants can be sold.
    pub(crate) plans: Plans,
    /// How all tenants are routed.
    pub(crate) policy: Policy,
    /// How much what tenants know together may give away; `None`: nothing is pooled.
    pub(crate) privacy: Option<Privacy>,
}

/// The terms now. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct InForce(Arc<watch::Sender<Arc<Terms>>>);

impl InForce {
    pub(crate) fn new(terms: Terms) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(terms))))
    }

    /// For the whole of one question.
    pub(crate) fn now(&self) -> Arc<Terms> {
        Arc::clone(&self.0.borrow())
    }

    /// Whatever begins from now on goes by these.
    pub(crate) fn replace(&self, terms: Terms) {
        self.0.send_replace(Arc::new(terms));
    }

    /// Follows them.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Terms>> {
        self.0.subscribe()
    }
}

/// How tenants are routed, as the configuration says.
pub(crate) fn policy(learning: &Learning) -> Policy {
    let goal = match learning.objective {
        Objective::Quality => Goal::Quality,
        Objective::Floor => Goal::Floor {
            floor: learning.floor,
            assurance: learning.assurance,
        },
    };
    Policy {
        goal,
        shadow_rate: learning.shadow_rate,
        shadow_spend: learning.shadow_spend,
        canary_rate: learning.canary_rate,
        live_exploration: learning.live_exploration,
        quality_per_usd: learning.quality_per_usd,
        promotions: learning.promotions,
    }
}
