//! Calls of experiments from arrival to comparison: each once, whatever comes twice, late or in another order.

use floopy_shared::domain::{
    decision::Stage,
    event::{Event, RatingSubject},
    experiment::Assignment,
    tags::Tags,
};

use super::*;
use crate::{fixture::*, ingest::Intake};

fn assigned(n: u64, variant: Variant, arrangement: Arrangement) -> Decision {
    Decision {
        experiment: Some(Assignment {
            experiment: uuid(500),
            variant,
            percentage: 50,
            arrangement,
        }),
        ..turn(n, &format!("s{n}"), "a")
    }
}

async fn seen(intake: &Intake, arrangement: Arrangement) -> Vec<Call> {
    let tenant = tenant();
    let window = Window {
        tenant: &tenant,
        experiment: uuid(500),
        arrangement,
        from_ms: NOW - 1_000,
        to_ms: NOW,
    };
    let mut conn = intake.store.read().acquire().await.expect("a connection");
    let (calls, is_cut) = calls(&mut conn, &window).await.expect("reads");
    assert!(!is_cut);
    calls
}

/// Two calls, each begun and finished, rated and scored; one rating is revised later.
fn events() -> Vec<Event> {
    let begun = Decision {
        stage: Stage::Started,
        ..assigned(1, Variant::A, Arrangement::Canary)
    };
    let of_reply = rating(RatingSubject::Request(request(2)), 6);
    vec![
        decided(1, begun),
        decided(2, assigned(1, Variant::A, Arrangement::Canary)),
        decided(3, assigned(2, Variant::B, Arrangement::Canary)),
        // Of the same experiment, but not a call of it.
        decided(
            4,
            Decision {
                experiment: None,
                ..turn(3, "s3", "a")
            },
        ),
        rated(5, "s1", 9),
        event(6, floopy_shared::domain::event::EventBody::Rating(of_reply)),
        adjusted(rated(7, "s1", 4), |rating| rating.revise = true),
    ]
}

#[tokio::test]
async fn the_order_and_number_of_arrivals_change_nothing() {
    let mut found = Vec::new();
    for shift in 0..events().len() {
        let intake = intake().await;
        let mut events = events();
        events.rotate_left(shift);
        append(&intake, events[..3].to_vec()).await;
        append(&intake, events.clone()).await;
        append(&intake, events).await;
        found.push(seen(&intake, Arrangement::Canary).await);
    }
    let first = &found[0];
    assert_eq!(first.len(), 2, "{first:?}");
    assert_eq!(
        (first[0].variant, first[0].session),
        (Variant::A, Some(0.4))
    );
    assert_eq!((first[1].variant, first[1].manual), (Variant::B, Some(0.6)));
    assert!(found.iter().all(|calls| calls == first), "{found:?}");
}

#[tokio::test]
async fn a_score_and_a_retraction_count_as_soon_as_they_come() {
    let intake = intake().await;
    append(&intake, events()).await;
    intake
        .report(vec![score(1, 0.8)], Vec::new())
        .await
        .expect("taken");
    let back = adjusted(rated(9, "s1", 4), |rating| {
        rating.retracted = true;
        rating.revise = true;
        rating.rated_at_ms = NOW + 5;
    });
    append(&intake, vec![back]).await;
    let calls = seen(&intake, Arrangement::Canary).await;
    assert_eq!((calls[0].judged, calls[0].session), (Some(0.8), None));
}

#[tokio::test]
async fn copies_count_for_b_in_the_session_of_what_they_copy_and_are_judged_alone() {
    let intake = intake().await;
    let served = Decision {
        draw_key: "s1".into(),
        ..assigned(1, Variant::A, Arrangement::Shadow)
    };
    let copy = Decision {
        request_id: request(2),
        shadow_of: Some(request(1)),
        session_id: None,
        experiment: served.experiment.map(Assignment::copied),
        ..served.clone()
    };
    // Learned routing's own shadow of a call in a canary says nothing of it.
    let other = Decision {
        shadow_of: Some(request(1)),
        ..assigned(3, Variant::B, Arrangement::Canary)
    };
    append(
        &intake,
        vec![
            decided(1, served),
            decided(2, copy),
            decided(3, other),
            rated(4, "s1", 9),
        ],
    )
    .await;
    let calls = seen(&intake, Arrangement::Shadow).await;
    let told: Vec<_> = calls
        .iter()
        .map(|c| (c.variant, c.unit.as_str(), c.session))
        .collect();
    assert_eq!(
        told,
        [(Variant::A, "s:s1", None), (Variant::B, "s:s1", None)]
    );
}

fn named(user: &str) -> Option<Box<Tags>> {
    let user = Some(user.to_owned());
    Some(Box::new(Tags {
        user,
        ..Tags::default()
    }))
}

/// A call of a user, begun so many milliseconds before `NOW`.
fn of_user(n: u64, user: &str, before_ms: u64) -> Decision {
    let mut decision = turn(n, &format!("s{n}"), "a");
    decision.created_at_ms = NOW - before_ms;
    decision.tags = named(user);
    decision
}

#[tokio::test]
async fn users_are_known_by_what_was_said_of_them_before_and_by_nothing_else() {
    let intake = intake().await;
    let mut within = assigned(5, Variant::B, Arrangement::Canary);
    within.tags = named("ana");
    within.created_at_ms = NOW;
    let elsewhere = Decision {
        tenant: TenantId::new("other").expect("valid"),
        ..of_user(4, "ana", 40)
    };
    let calls = [
        of_user(1, "ana", 60),
        of_user(2, "bob", 50),
        turn(3, "s3", "a"),
        elsewhere,
        within,
    ];
    let numbered = calls.into_iter().zip(1..);
    append(
        &intake,
        numbered.map(|(call, n)| decided(n, call)).collect(),
    )
    .await;
    let report = intake.report(vec![score(1, 0.8)], Vec::new()).await;
    report.expect("taken");
    let tenant = tenant();
    let mut conn = intake.store.read().acquire().await.expect("a connection");
    let past = history(&mut conn, &tenant, NOW - 20).await.expect("reads");
    let told: Vec<_> = past
        .iter()
        .map(|call| (call.unit.as_str(), call.judged))
        .collect();
    assert_eq!(told, [("s:s2", None), ("s:s1", Some(0.8))]);
    let users: Vec<_> = past.iter().map(|call| call.user.clone()).collect();
    assert!(users[0].is_some() && users[0] != users[1], "{users:?}");
    let window = Window {
        tenant: &tenant,
        experiment: uuid(500),
        arrangement: Arrangement::Canary,
        from_ms: NOW - 20,
        to_ms: u64::MAX,
    };
    let (mut found, _) = super::calls(&mut conn, &window).await.expect("reads");
    name(&mut conn, &window, &mut found).await.expect("reads");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].user, users[1], "by the same name");
}
