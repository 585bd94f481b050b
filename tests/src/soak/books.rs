//! The control plane's books after a soak.

use std::{collections::HashSet, time::Duration};

use crate::{Api, Floopy, eventually_within};

/// Calls in the books of both tenants, each counted once; waits a while for as many as there should be.
pub(super) async fn count(floopy: &Floopy, expected: u64) -> u64 {
    let mut counted = 0;
    // Reading them takes a while, too.
    let deadline = Duration::from_secs(60) + Duration::from_millis(10 * expected);
    let enough = async {
        loop {
            // Not by way of the proxy, whose memory is looked at.
            let one = floopy.control_api();
            let other = one.with_key(floopy.other_api().key());
            let (one, other) = tokio::join!(finished(&one), finished(&other));
            counted = one + other;
            if counted >= expected {
                return;
            }
            // Reading all of them again is pause enough.
            tokio::task::yield_now().await;
        }
    };
    // Too few are the caller's finding, not a failure of counting.
    let _ = tokio::time::timeout(deadline, enough).await;
    counted
}

async fn finished(api: &Api) -> u64 {
    let (mut ids, mut cursor) = (HashSet::new(), String::new());
    loop {
        let path = format!("/v1/decisions?limit=200{cursor}");
        let page = eventually_within(Duration::from_secs(20), || async {
            let answer = api.get(&path).await;
            if answer.status == 200 {
                Ok(answer.json())
            } else {
                Err(answer.text())
            }
        })
        .await;
        let items = page["items"].as_array().expect("items");
        let finished = items.iter().filter(|d| d["stage"] == "finished");
        ids.extend(finished.filter_map(|d| d["request_id"].as_str().map(str::to_owned)));
        let Some(next) = page["next_cursor"].as_str() else {
            return ids.len() as u64;
        };
        cursor = format!("&cursor={next}");
    }
}
