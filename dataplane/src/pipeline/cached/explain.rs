//! What the cache would do with a call that is not made.

use floopy_shared::domain::{
    cache::{CacheKey, SemanticMode},
    ids::{RequestId, SessionId},
};
use http::HeaderMap;

use super::{Asking, bypass, meaning, plan};
use crate::{
    admit::Admitted,
    cache::{self, Asked, Entry, Form, Looked, Neighbour, Stored, Wish},
    call::Call,
    gateway::Gateway,
    http::respond::Refusal,
    record::Bypass,
    route::governed,
};

/// What it would do.
pub(crate) enum Explained {
    /// The call does not ask it.
    Off,
    /// Routing would refuse the call by its headers.
    Refused,
    Bypassed(Bypass),
    Asked(Box<Named>),
}

/// A call that asks the cache.
pub(crate) struct Named {
    pub wish: Wish,
    pub key: CacheKey,
    pub form: Form<'static>,
    /// Keys of the body that do not matter, as they are written there.
    pub left_out: Vec<String>,
    /// What is stored to it.
    pub stored: Vec<Stored>,
    pub meant: Result<Meant, Unasked>,
}

/// What is stored to the same in other words.
pub(crate) struct Meant {
    pub near: Vec<Neighbour>,
    /// Earlier messages may be in other words as well.
    pub is_advanced: bool,
}

/// Why nothing is looked for that asks the same in other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// The tenant or the call has it off.
    Off,
    /// This proxy keeps no questions.
    NoIndex,
    Tools,
    /// Not one that can be compared.
    NoQuestion,
}

impl Unasked {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NoIndex => "not_kept",
            Self::Tools => "tools",
            Self::NoQuestion => "no_plain_question",
        }
    }
}

impl Named {
    /// Whether a stored reply would be given.
    pub(crate) fn is_hit(&self) -> bool {
        let of = |is_shared| {
            let good = |s: &&Stored| s.is_shared == is_shared && s.unfit.is_none();
            self.stored.iter().filter(good).count()
        };
        self.wish.reads && (of(false) >= self.wish.bucket || of(true) > 0)
    }

    /// The reply to the same in other words that would be given, or compared in the shadow, where there is none to the
    /// very request.
    pub(crate) fn similar(&self) -> Option<(&Neighbour, SemanticMode)> {
        let meant = self.meant.as_ref().ok()?;
        let found = meant.near.iter().find(|near| near.is_given());
        let found = found.filter(|_| self.wish.reads && !self.is_hit())?;
        Some((found, self.wish.semantic.mode))
    }
}

/// Explains it. Nothing is given, nothing is stored, and nobody waits for an identical call.
pub(crate) async fn explain(
    (gateway, admitted): (&Gateway, &Admitted),
    (call, headers): (&Call, &HeaderMap),
    session: Option<&SessionId>,
    at: (RequestId, u64),
) -> Result<Explained, Refusal> {
    let caching = &admitted.tenant.caching;
    let Some(wish) = cache::wish(headers, caching)? else {
        return Ok(Explained::Off);
    };
    let view = plan::view(gateway, admitted, at.1);
    let caller = plan::caller(admitted, (headers, session), at.0)?;
    let Some(governed) = governed(&view, call, &caller) else {
        return Ok(Explained::Refused);
    };
    let asking = Asking {
        gateway,
        admitted,
        call,
        headers,
        session,
        at,
    };
    let entered = plan::entered(gateway, admitted, call, (headers, session), at);
    if let Some(why) = bypass(asking, &wish, (&governed, entered.is_some())) {
        return Ok(Explained::Bypassed(why));
    }
    let asked = Asked {
        tenant: &admitted.tenant.id,
        call,
        headers,
        rule: governed.rule.map(|rule| rule.name.as_str()),
        wish: &wish,
    };
    let Some((form, left_out)) = Form::and_left_out(&asked) else {
        return Ok(Explained::Bypassed(Bypass::Unreadable));
    };
    let key = form.key();
    let looked = Looked {
        tenant: &admitted.tenant.id,
        key,
        rule: asked.rule,
        wish: &wish,
        caching,
        request: at.0,
        now_ms: at.1,
    };
    let fits = |entry: &Entry| governed.may_answer(&view, &caller, (&entry.model, entry.is_listed));
    let stored = gateway.cache.look(&looked, fits).await;
    let meant = match meaning(asking, &wish, &governed) {
        Ok(meaning) => Ok(Meant {
            near: gateway.cache.look_near(&looked, &meaning, fits).await,
            is_advanced: meaning.is_advanced(),
        }),
        Err(why) => Err(why),
    };
    Ok(Explained::Asked(Box::new(Named {
        key,
        form: form.into_owned(),
        left_out,
        stored,
        meant,
        wish,
    })))
}
