//! Facts about what a call is credited with.

use super::*;

#[test]
fn a_refused_model_that_the_caller_named_is_not_the_models_failure() {
    let credited = |strategy, status| {
        let mut call = crate::fixture::decision(1);
        call.strategy = strategy;
        (call.served, call.outcome.ending) = (None, floopy_shared::domain::decision::Ending::Error);
        call.attempts[0].result = AttemptResult::UpstreamError;
        call.attempts[0].status = Some(status);
        !of_call(&call, Verdicts::default()).is_empty()
    };
    for status in [401, 403, 404] {
        assert!(!credited(Strategy::LegacyModel, status), "{status}");
        assert!(!credited(Strategy::Fallback, status), "{status}");
        assert!(credited(Strategy::FeedbackDriven, status), "{status}");
    }
    assert!(credited(Strategy::LegacyModel, 500));
}

#[test]
fn a_failed_candidate_is_credited_with_a_failure_and_not_with_a_score() {
    let mut call = crate::fixture::decision(1);
    call.attempts[0].result = AttemptResult::TimedOut;
    let credit = of_call(
        &call,
        Verdicts {
            judged: Some(Judged::from(0.9)),
            manual: None,
        },
    );
    let has = |source| credit.keys().any(|cell| cell.source == source);
    assert!(has(Source::Failed) && !has(Source::Auto), "{credit:?}");
}

#[test]
fn a_line_of_a_batch_is_credited_with_nothing_whatever_is_said_of_it() {
    let mut call = crate::fixture::decision(1);
    let verdicts = Verdicts {
        judged: Some(Judged::from(0.9)),
        manual: RatingScore::new(9).ok(),
    };
    assert!(!of_call(&call, verdicts).is_empty() && Turn::of(&call).is_some());
    call.batch = Some(floopy_shared::domain::batch::BatchLine {
        batch: "batch_1".to_owned(),
        custom_id: "a".to_owned(),
    });
    assert_eq!(of_call(&call, verdicts), Credit::new());
    assert_eq!(Turn::of(&call), None);
}

#[test]
fn what_the_cache_gave_is_credited_with_nothing_and_what_it_lacked_as_ever() {
    use floopy_shared::domain::cache::{CacheHit, CacheUse};
    let mut call = crate::fixture::decision(1);
    let verdicts = Verdicts {
        judged: Some(Judged::from(0.9)),
        manual: RatingScore::new(9).ok(),
    };
    let usual = of_call(&call, verdicts);
    call.cache = Some(CacheUse::Miss);
    assert_eq!(of_call(&call, verdicts), usual);
    assert!(Turn::of(&call).is_some());
    call.cache = Some(CacheUse::Hit(CacheHit::default()));
    assert_eq!(of_call(&call, verdicts), Credit::new());
    assert_eq!(Turn::of(&call), None);
}

#[test]
fn a_refusal_is_no_answer_unless_a_judge_says_what_it_was_worth() {
    let mut call = crate::fixture::decision(1);
    call.outcome.refused = true;
    let sources = |judged| {
        let verdicts = Verdicts {
            judged,
            manual: None,
        };
        let credit = of_call(&call, verdicts);
        let has = |source| credit.keys().any(|cell| cell.source == source);
        (has(Source::Failed), has(Source::Auto))
    };
    assert_eq!(sources(None), (true, false));
    assert_eq!(sources(Some(Judged::from(0.1))), (false, true));
}

#[test]
fn who_answered_when_asked_again_did_not_fail() {
    let mut call = crate::fixture::decision(1);
    let mut first = call.attempts[0].clone();
    first.result = AttemptResult::ConnectFailed;
    call.attempts.insert(0, first);
    let credit = of_call(&call, Verdicts::default());
    assert!(credit.keys().all(|cell| cell.source != Source::Failed));
}

#[test]
fn a_reply_that_was_scored_and_rated_says_how_the_scales_agree() {
    let call = crate::fixture::decision(1);
    let verdicts = Verdicts {
        judged: Some(Judged::from(0.5)),
        manual: RatingScore::new(8).ok(),
    };
    let credit = of_call(&call, verdicts);
    let moment = |name: &str| {
        let found = credit
            .iter()
            .find(|(cell, _)| cell.source == Source::Agreement && cell.arm == name);
        *found.expect("there").1
    };
    assert_eq!(moment(JUDGED), Sums::of(ONE, 500_000));
    assert_eq!(moment(RATED), Sums::of(ONE, 800_000));
    assert_eq!(moment(PRODUCT), Sums::of(ONE, 400_000));
}

#[test]
fn a_reply_is_credited_with_what_it_cost_and_a_copy_with_what_it_was_worth() {
    let mut call = crate::fixture::decision(1);
    call.outcome.cost_micro_usd = Some(300);
    let verdicts = Verdicts {
        judged: Some(Judged::from(0.5)),
        manual: None,
    };
    let find = |credit: &Credit, source| {
        let mut cells = credit.iter().filter(|(cell, _)| cell.source == source);
        cells
            .find(|(cell, _)| cell.shape == ROOT)
            .map(|(_, sums)| *sums)
    };
    let credit = of_call(&call, verdicts);
    let cost = Sums {
        n: ONE,
        sum: 300,
        sumsq: 90_000,
    };
    assert_eq!(find(&credit, Source::Cost), Some(cost));
    assert_eq!(find(&credit, Source::Tried), None, "it was served");
    call.shadow_of = Some(call.request_id);
    let tried = find(&of_call(&call, verdicts), Source::Tried);
    assert_eq!(tried, Some(Sums::of(ONE, 500_000)));
    call.attempts[0].result = AttemptResult::TimedOut;
    let credit = of_call(&call, Verdicts::default());
    assert_eq!(find(&credit, Source::Tried), Some(Sums::of(ONE, 0)));
    assert_eq!(find(&credit, Source::Cost), None);
}

#[test]
fn nothing_is_learned_from_an_evaluation() {
    let mut call = crate::fixture::decision(1);
    let verdicts = Verdicts {
        judged: Some(Judged::from(0.9)),
        manual: None,
    };
    assert!(!of_call(&call, verdicts).is_empty() && Turn::of(&call).is_some());
    call.evaluation = true;
    assert!(of_call(&call, verdicts).is_empty() && Turn::of(&call).is_none());
}
