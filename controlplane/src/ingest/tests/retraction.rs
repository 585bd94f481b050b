//! Ratings that are taken back, and given again.

use floopy_shared::domain::event::{Event, EventBody, RatingSubject};

use super::*;

/// What is said at a time after the first rating: a score, or that it is taken back.
fn said(id: u64, subject: &RatingSubject, after_ms: u64, score: Option<i64>) -> Event {
    let mut rating = rating(subject.clone(), score.unwrap_or(0));
    rating.rated_at_ms = NOW + after_ms;
    rating.retracted = score.is_none();
    rating.revise = score.is_none();
    event(id, EventBody::Rating(rating))
}

#[tokio::test]
async fn what_was_taken_back_counts_for_nothing_until_it_is_given_again() {
    let session =
        RatingSubject::Session(floopy_shared::domain::ids::SessionId::new("s").expect("valid"));
    let reply = RatingSubject::Request(request(1));
    for (subject, source) in [(session, Source::Session), (reply, Source::Manual)] {
        let intake = intake().await;
        append(&intake, vec![decided(1, turn(1, "s", "a"))]).await;
        let untouched = sums(&intake).await;
        let steps = [
            (said(2, &subject, 0, Some(9)), NEW, (1_000, 900)),
            (said(3, &subject, 1, None), NEW, (0, 0)),
            (said(4, &subject, 2, Some(4)), NEW, (1_000, 400)),
            (said(5, &subject, 3, None), NEW, (0, 0)),
            (said(3, &subject, 1, None), KNOWN, (0, 0)),
        ];
        for (event, verdict, counted) in steps {
            assert_eq!(
                append(&intake, vec![event.clone()]).await,
                [verdict],
                "{event:?}"
            );
            assert_eq!(root(&intake, "a", source).await, counted, "{event:?}");
        }
        assert_eq!(
            sums(&intake).await,
            untouched,
            "as if it had never been rated"
        );
    }
}

#[tokio::test]
async fn a_rating_that_arrives_after_its_retraction_does_not_come_back() {
    let intake = intake().await;
    let session =
        RatingSubject::Session(floopy_shared::domain::ids::SessionId::new("s").expect("valid"));
    append(&intake, vec![decided(1, turn(1, "s", "a"))]).await;
    let events = vec![said(3, &session, 1, None), said(2, &session, 0, Some(9))];
    assert_eq!(append(&intake, events).await, [NEW, DUPLICATE]);
    assert_eq!(root(&intake, "a", Source::Session).await, (0, 0));
}

#[tokio::test]
async fn the_calls_of_another_tenant_are_out_of_reach() {
    let intake = intake().await;
    let mut theirs = turn(1, "s", "a");
    theirs.tenant = floopy_shared::domain::ids::TenantId::new("other").expect("valid");
    append(&intake, vec![decided(1, theirs)]).await;
    let unknown = RatingSubject::Request(request(7));
    for subject in [RatingSubject::Request(request(1)), unknown] {
        for event in [said(2, &subject, 0, Some(9)), said(3, &subject, 1, None)] {
            assert_eq!(append(&intake, vec![event]).await, [NEW], "{subject:?}");
        }
    }
    let other = floopy_shared::domain::ids::TenantId::new("other").expect("valid");
    let theirs = buckets::daily(&intake.store, &other).await.expect("reads");
    assert!(
        theirs.keys().all(|cell| cell.source != Source::Manual),
        "{theirs:?}"
    );
}
