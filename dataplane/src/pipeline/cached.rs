//! A call that asks for the cache, before anybody is chosen for it.

mod explain;

use std::sync::Arc;

use floopy_shared::domain::{
    cache::{CacheKey, SemanticMode, Similar},
    ids::{RequestId, SessionId},
    plan::Feature,
};
use http::{HeaderMap, Response};
use serde::Deserialize;

use self::explain::Unasked;
pub(crate) use self::explain::{Explained, Named, explain};
use super::plan;
use crate::{
    admit::Admitted,
    cache::{self, Asked, Entry, Fill, Form, Found, Leading, Looked, Meaning, Wish},
    call::{Call, Endpoint},
    gateway::Gateway,
    http::{Body, respond::Refusal},
    record::{Bypass, Came, Course, Record, Told},
    route::{Governed, governed},
};

/// Longer bodies are not looked for: what hashes them would hold up other calls.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Who asks, and for what.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) admitted: &'a Admitted,
    pub(super) call: &'a Call,
    pub(super) headers: &'a HeaderMap,
    pub(super) session: Option<&'a SessionId>,
    pub(super) at: (RequestId, u64),
}

/// A stored reply, if the call wants one and may have it. Otherwise what it gets is stored, if it may be.
pub(super) async fn look(
    asking: Asking<'_>,
    record: &mut Record,
) -> Result<Option<Arc<Entry>>, Refusal> {
    let caching = &asking.admitted.tenant.caching;
    let Some(wish) = cache::wish(asking.headers, caching)? else {
        return Ok(None);
    };
    // Boxed: calls that do not ask have no room for it.
    Box::pin(search(asking, &wish, record)).await
}

async fn search(
    asking: Asking<'_>,
    wish: &Wish,
    record: &mut Record,
) -> Result<Option<Arc<Entry>>, Refusal> {
    let Asking {
        gateway,
        admitted,
        call,
        ..
    } = asking;
    let view = plan::view(gateway, admitted, asking.at.1);
    let caller = plan::caller(admitted, (asking.headers, asking.session), asking.at.0)?;
    // What routing refuses it says itself.
    let Some(governed) = governed(&view, call, &caller) else {
        return Ok(None);
    };
    let is_in_experiment = record.decision().experiment.is_some();
    let form = match bypass(asking, wish, (&governed, is_in_experiment)) {
        Some(why) => Err(why),
        None => Form::of(&asked(asking, wish, &governed)).ok_or(Bypass::Unreadable),
    };
    let form = match form {
        Ok(form) => form,
        Err(why) => {
            record.cached(Course {
                came: Came::Bypassed(why),
                semantic_in_vain: wish.semantic_in_vain,
            });
            return Ok(None);
        }
    };
    let looked = Looked {
        tenant: &admitted.tenant.id,
        key: form.key(),
        rule: governed.rule.map(|rule| rule.name.as_str()),
        wish,
        caching: &admitted.tenant.caching,
        request: asking.at.0,
        now_ms: asking.at.1,
    };
    let fits = |entry: &Entry| governed.may_answer(&view, &caller, (&entry.model, entry.is_listed));
    let (found, waited) = gateway.cache.find(&looked, fits).await;
    record.waited_for_client(waited);
    let leading = match found {
        Found::Hit(entry) => {
            give(asking, record, (wish, looked.key), (&entry, None));
            return Ok(Some(entry));
        }
        Found::Miss(leading) => leading,
    };
    let meaning = meaning(asking, wish, &governed).ok();
    Ok(missed(asking, record, (&looked, leading), (meaning, fits)).await)
}

/// Nothing was stored for this very request. The reply to the same in other words, if it may be given; what the call gets
/// is stored otherwise.
async fn missed(
    asking: Asking<'_>,
    record: &mut Record,
    (looked, leading): (&Looked<'_>, Option<Leading>),
    (meaning, fits): (Option<Meaning>, impl Fn(&Entry) -> bool),
) -> Option<Arc<Entry>> {
    let (cache, wish) = (&asking.gateway.cache, looked.wish);
    let similar = match &meaning {
        Some(meaning) => cache.find_similar(looked, meaning, fits).await,
        None => None,
    };
    let compared = match (wish.semantic.mode, similar) {
        (SemanticMode::On, Some((entry, similar))) => {
            give(asking, record, (wish, looked.key), (&entry, Some(similar)));
            return Some(entry);
        }
        (SemanticMode::Shadow | SemanticMode::On | SemanticMode::Off, similar) => similar,
    };
    let similar = compared.as_ref().map(|(_, similar)| *similar);
    let fill = || {
        let fill = Fill::new(cache, looked, &asking.admitted.snapshot, leading);
        Box::new(fill.meaning(meaning, compared))
    };
    let fill = wish.writes.then(fill);
    record.cached(Course {
        came: Came::Missed(looked.key, fill),
        semantic_in_vain: wish.semantic_in_vain,
    });
    if let Some(similar) = similar {
        record.comparing(similar);
    }
    None
}

/// Writes down that this reply is given.
fn give(
    asking: Asking<'_>,
    record: &mut Record,
    (wish, key): (&Wish, CacheKey),
    (entry, similar): (&Entry, Option<Similar>),
) {
    let age_s = entry.age_ms(asking.gateway.clock.now_ms()) / 1_000;
    record.cached(Course {
        came: Came::Hit(Told {
            key,
            age_s,
            similar,
        }),
        semantic_in_vain: wish.semantic_in_vain,
    });
    record.hit(entry, similar);
}

/// What the call asks, if a reply to the same in other words may be of use. Tools act on what was said, word by word.
fn meaning(asking: Asking<'_>, wish: &Wish, governed: &Governed<'_>) -> Result<Meaning, Unasked> {
    let unasked = [
        (wish.semantic.is_off(), Unasked::Off),
        (!asking.gateway.cache.is_semantic(), Unasked::NoIndex),
        (asking.call.features().tools, Unasked::Tools),
    ];
    if let Some((_, why)) = unasked.into_iter().find(|(is_so, _)| *is_so) {
        return Err(why);
    }
    let plan = asking.admitted.tenant.plan.as_deref();
    let is_sold = plan.is_none_or(|plan| plan.has(Feature::AdvancedCache));
    let is_advanced = wish.semantic.advanced && is_sold;
    Meaning::of(&asked(asking, wish, governed), is_advanced).ok_or(Unasked::NoQuestion)
}

fn asked<'a>(asking: Asking<'a>, wish: &'a Wish, governed: &Governed<'a>) -> Asked<'a> {
    Asked {
        tenant: &asking.admitted.tenant.id,
        call: asking.call,
        headers: asking.headers,
        rule: governed.rule.map(|rule| rule.name.as_str()),
        wish,
    }
}

/// Why the call is served without the cache, if it is.
fn bypass(
    asking: Asking<'_>,
    wish: &Wish,
    (governed, is_in_experiment): (&Governed<'_>, bool),
) -> Option<Bypass> {
    let Asking {
        gateway,
        admitted,
        call,
        ..
    } = asking;
    let features = call.features();
    let (is_responses, is_count) = match call.endpoint() {
        Endpoint::Responses => (true, false),
        Endpoint::CountTokens => (false, true),
        Endpoint::Chat | Endpoint::Messages | Endpoint::Embeddings => (false, false),
    };
    [
        (!gateway.cache.is_on(), Bypass::Off),
        (is_count, Bypass::Endpoint),
        (admitted.tenant.zero_retention, Bypass::ZeroRetention),
        (admitted.scope.evaluation, Bypass::Evaluation),
        (is_in_experiment, Bypass::Experiment),
        (governed.passthrough, Bypass::Passthrough),
        (!wish.reads && !wish.writes, Bypass::NoStore),
        (call.wants_several(), Bypass::Several),
        (features.provider_tools, Bypass::ProviderTools),
        (is_responses && features.tools, Bypass::Tools),
        (call.body_bytes() > MAX_BODY_BYTES, Bypass::TooLong),
    ]
    .into_iter()
    .find_map(|(is_so, why)| is_so.then_some(why))
    .or_else(|| is_stored(call).then_some(Bypass::Stored))
}

/// Whether the provider is to keep the reply, which telling it again would not do.
fn is_stored(call: &Call) -> bool {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        store: Option<serde_json::Value>,
    }
    let asked = serde_json::from_slice::<Asked>(call.body());
    asked.is_ok_and(|asked| asked.store == Some(serde_json::Value::Bool(true)))
}

/// Answers with a stored reply; a stream with all of its events at once.
pub(super) async fn replay(mut record: Record, entry: &Entry) -> Response<Body> {
    record.replayed(entry.status.as_u16()).await;
    let mut response = Response::new(Body::whole(entry.body.clone()));
    *response.status_mut() = entry.status;
    *response.headers_mut() = entry.headers.clone();
    super::annotate(response.headers_mut(), &record);
    response
}
