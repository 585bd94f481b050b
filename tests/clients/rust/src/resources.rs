//! Ratings, decisions, sessions, explanations, constraints, exports, and how errors come out.

use floopy::{
    Error,
    types::{
        DecisionListParams, ExportDecisionsParams, FeedbackSubmitParams, OrgConstraints,
        RoutingExplainParams,
    },
};
use futures::{StreamExt, TryStreamExt};

use super::{Asked, eventually, hello, plain, talk};

const UNKNOWN: &str = "2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f";

fn rating(score: i32, session: Option<&str>) -> FeedbackSubmitParams {
    FeedbackSubmitParams {
        score,
        useful: score > 6,
        session_id: session.map(str::to_owned),
    }
}

fn of_session(session: &str) -> DecisionListParams {
    DecisionListParams {
        session_id: Some(session.to_owned()),
        limit: Some(2),
        ..DecisionListParams::default()
    }
}

pub(crate) async fn feedback(asked: &Asked) {
    let feedback = asked.client().feedback();
    talk(asked, "rs-session").await;
    let submit = async |score, session| {
        let answer = feedback.submit(rating(score, session), plain()).await;
        answer.expect("it is taken")
    };
    let first = submit(9, Some("rs-session")).await;
    assert_eq!(
        (first.duplicate, first.session_id.as_deref()),
        (false, Some("rs-session"))
    );
    assert!(submit(2, Some("rs-session")).await.duplicate);
    // As the crate's own examples do: the completion's id stands for the session.
    let completion = talk(asked, "rs-by-completion").await;
    assert!(!submit(8, Some(&completion)).await.duplicate);
    let unclear = feedback.submit(rating(9, None), plain()).await;
    let error = unclear.expect_err("two sessions are open");
    assert!(matches!(&error, Error::Validation(_)), "{error}");
    assert!(error.to_string().contains("session_id"), "{error}");
}

pub(crate) async fn decisions(asked: &Asked) {
    for _ in 0..5 {
        talk(asked, "rs-list").await;
    }
    let decisions = asked.client().decisions();
    let all = eventually("five decisions", async || {
        let all: Vec<_> = decisions
            .iter(of_session("rs-list"), plain())
            .try_collect()
            .await
            .ok()?;
        (all.len() == 5).then_some(all)
    })
    .await;
    let page = decisions
        .list(&of_session("rs-list"), plain())
        .await
        .expect("a page");
    assert_eq!((page.items.len(), page.has_more), (2, true), "{page:?}");
    let pages: Vec<_> = decisions
        .pages(of_session("rs-list"), plain())
        .try_collect()
        .await
        .expect("pages");
    assert_eq!(pages.len(), 3);
    let one = decisions
        .get(&all[0].request_id, plain())
        .await
        .expect("a decision");
    assert_eq!(
        (one.session_id.as_deref(), one.status.as_str()),
        (Some("rs-list"), "ok")
    );
    assert!(one.model.is_some() && one.provider.is_some(), "{one:?}");
    assert!(
        one.latency_ms.is_some() && one.cost_micro_usd.is_some(),
        "{one:?}"
    );
    assert!(one.explanation.is_some_and(|text| !text.is_empty()));
    assert!(
        one.decision_trace
            .is_some_and(|trace| trace["candidates"].is_array())
    );
}

pub(crate) async fn session(asked: &Asked) {
    let id = "rs talk/1";
    talk(asked, id).await;
    let sessions = asked.client().sessions();
    let found = eventually("the session", async || sessions.get(id, plain()).await.ok()).await;
    assert_eq!((found.session_id.as_str(), found.turn_count), (id, 1));
    // Question and answer, in the crate's own types: fit to be sent again.
    assert_eq!(found.messages.len(), 2, "{found:?}");
    assert_eq!(found.turns.len(), 1);
    let error = sessions
        .get("rs nowhere", plain())
        .await
        .expect_err("nobody was there");
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

pub(crate) async fn explain(asked: &Asked) {
    let routing = asked.client().routing();
    let mut question = RoutingExplainParams::new("auto", hello());
    question.max_completion_tokens = Some(50);
    let said = routing
        .explain(question, plain())
        .await
        .expect("an explanation");
    assert_eq!(said.firewall_decision, "allow");
    assert!(said.reasoning.is_some_and(|text| !text.is_empty()));
    let chosen = said.would_select.expect("somebody would serve");
    let named = format!("{}/{}", chosen["provider"], chosen["model"]);
    let question = RoutingExplainParams::new(named, hello());
    let again = routing
        .explain(question, plain())
        .await
        .expect("an explanation");
    assert_eq!(again.would_select.expect("the named one"), chosen);
}

pub(crate) async fn constraints(asked: &Asked) {
    let constraints = asked.client().constraints();
    let before = constraints.get(plain()).await.expect("constraints");
    assert_eq!(before.max_requests_per_minute, None);
    let wanted = OrgConstraints {
        cost_limit_monthly_usd: Some(250.0),
        max_requests_per_minute: Some(100_000),
        ..OrgConstraints::default()
    };
    let put = constraints
        .put(&wanted, plain())
        .await
        .expect("they are taken");
    let got = constraints.get(plain()).await.expect("constraints");
    for found in [put, got] {
        assert_eq!(found.cost_limit_monthly_usd, Some(250.0));
        assert_eq!(found.max_requests_per_minute, Some(100_000));
        assert_eq!(found.token_window_seconds, None);
    }
    let wrong = OrgConstraints {
        max_requests_per_minute: Some(0),
        ..OrgConstraints::default()
    };
    let error = constraints
        .put(&wrong, plain())
        .await
        .expect_err("0 limits to nothing");
    let code = error.details().and_then(|details| details.code.as_deref());
    assert_eq!(
        code,
        Some("out_of_range_max_requests_per_minute"),
        "{error}"
    );
}

pub(crate) async fn errors(asked: &Asked) {
    let client = asked.client();
    let unknown = client
        .decisions()
        .get(UNKNOWN, plain())
        .await
        .expect_err("unknown");
    assert!(matches!(&unknown, Error::NotFound(_)), "{unknown}");
    assert!(unknown.request_id().is_some(), "{unknown}");
    let malformed = client
        .decisions()
        .get("x", plain())
        .await
        .expect_err("not an id");
    assert!(matches!(&malformed, Error::Validation(_)), "{malformed}");
    let score = client
        .feedback()
        .submit(rating(11, Some("s")), plain())
        .await;
    let score = score.expect_err("out of range");
    assert!(matches!(&score, Error::Validation(_)), "{score}");
    assert!(
        score.to_string().contains("11"),
        "the value is not told: {score}"
    );
    let stranger = asked.with_key("fl_wrong").decisions();
    let stranger = stranger.list(&DecisionListParams::default(), plain()).await;
    let stranger = stranger.expect_err("a wrong key");
    assert!(matches!(&stranger, Error::Auth(_)), "{stranger}");
    // A provider's failure comes out of the wrapped client, which reads the same envelope.
    let mut unheard = super::chat();
    unheard.model = "nobody/nothing".to_owned();
    let error = client
        .openai()
        .chat()
        .create(unheard)
        .await
        .expect_err("no such model");
    assert!(error.to_string().contains("nobody/nothing"), "{error}");
}

/// What a plan lacks, what comes too often, what a key may not. Arguments: a key that may only read, from, to.
pub(crate) async fn refused(asked: &Asked) {
    let routing = asked.client().routing();
    let question = RoutingExplainParams::new("auto", hello());
    let plan = routing.explain(question, plain()).await;
    let plan = plan.expect_err("the plan has no explanations");
    assert!(matches!(&plan, Error::Plan(_)), "{plan}");
    assert!(plan.feature().is_some(), "{plan}");
    let reader = asked.with_key(asked.argument(0)).feedback();
    let reader = reader.submit(rating(9, Some("s")), plain()).await;
    let reader = reader.expect_err("it may not rate");
    assert!(matches!(&reader, Error::Auth(_)), "{reader}");
    assert_eq!((reader.status(), reader.feature()), (Some(403), None));
    let export = || {
        let span = ExportDecisionsParams::new(asked.argument(1), asked.argument(2));
        asked.client().export().decisions(span, plain())
    };
    let first: Result<Vec<_>, _> = export().try_collect().await;
    first.expect("the first export");
    let second: Result<Vec<_>, _> = export().try_collect().await;
    let second = second.expect_err("too soon after the first");
    assert!(matches!(&second, Error::RateLimit(_)), "{second}");
}

/// Arguments: from, to, and how many rows there are.
pub(crate) async fn export(asked: &Asked) {
    let rows: i64 = asked.argument(2).parse().expect("a number of rows");
    let span = || ExportDecisionsParams::new(asked.argument(0), asked.argument(1));
    let export = asked.client().export();
    let mut stream = export.decisions_with_trailer(span(), plain());
    let mut seen = 0;
    while let Some(row) = stream.next().await {
        let row = row.expect("a row");
        assert!(
            !row.organization_id.is_empty() && !row.created_at.is_empty(),
            "{row:?}"
        );
        seen += 1;
    }
    let trailer = stream.trailer().expect("a trailer");
    assert_eq!(
        (seen, trailer.rows_emitted, trailer.truncated),
        (rows, rows, false)
    );
    let plain_rows: Vec<_> = export
        .decisions(span(), plain())
        .try_collect()
        .await
        .expect("rows");
    assert_eq!(i64::try_from(plain_rows.len()).expect("few"), rows);
}
