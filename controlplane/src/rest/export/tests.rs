//! Exports through the router: the chain, the trailer, cutting off and going on.

use floopy_shared::domain::{
    export::{NO_LINE, Trailer, line_hash},
    ids::TenantId,
};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::super::tests::Fixture;
use crate::{Export, fixture::*};

const SPAN: &str = "from=2027-01-15T07:59:00Z&to=2027-01-15T08:00:10Z";

fn config() -> Export {
    Export {
        interval_ms: 0,
        ..Export::default()
    }
}

/// The rows of an answer as they came, and its trailer, which must be true.
fn read(body: &[u8]) -> (Vec<&[u8]>, Trailer) {
    let mut lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
    let last = lines.pop().expect("a trailer");
    assert!(last.ends_with(b"\n"));
    let signed = Trailer::read(last).expect("a trailer");
    let trailer = signed.trailer;
    let (mut before, mut bytes) = (trailer.first_prev_sha256.clone(), Vec::new());
    for line in &lines {
        let row: Value = serde_json::from_slice(line).expect("JSON");
        assert_eq!(row["prev_sha256"], before.as_str());
        before = line_hash(line);
        bytes.extend_from_slice(line);
    }
    assert_eq!(trailer.last_sha256, before);
    assert_eq!(trailer.checksum_sha256, line_hash(&bytes));
    assert_eq!(trailer.byte_count, bytes.len() as u64);
    assert_eq!(
        (trailer.row_count, trailer.rows_emitted),
        (lines.len() as u64, lines.len() as u64)
    );
    let public = hex::decode(&trailer.public_key).expect("hex");
    UnparsedPublicKey::new(&ED25519, public)
        .verify(signed.bytes, &signed.signature)
        .expect("signed");
    (lines, trailer)
}

fn ids(lines: &[&[u8]]) -> Vec<String> {
    let id = |line: &&[u8]| -> String {
        let row: Value = serde_json::from_slice(line).expect("JSON");
        row["request_id"].as_str().expect("text").to_owned()
    };
    lines.iter().map(id).collect()
}

async fn export(fixture: &Fixture, more: &str) -> Vec<u8> {
    let path = format!("/v1/export/decisions?{SPAN}{more}");
    let (status, headers, body) = fixture.raw(&path, Some(&fixture.key)).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    assert_eq!(headers["content-type"], "application/x-ndjson");
    body
}

async fn fill(fixture: &Fixture, count: u64) {
    let events = (1..=count).map(|n| decided(n, turn(n, "s", "a"))).collect();
    append(&fixture.intake, events).await;
}

#[tokio::test]
async fn rows_have_the_keys_of_the_docs_and_of_the_sdks_and_whole_numbers_stay_whole() {
    let fixture = Fixture::with_exports(config()).await;
    fill(&fixture, 3).await;
    append(&fixture.intake, vec![rated(9, "s", 8)]).await;
    let body = export(&fixture, "").await;
    let (lines, trailer) = read(&body);
    let row: Value = serde_json::from_slice(lines[0]).expect("JSON");
    for key in [
        "request_id",
        "session_id",
        "organization_id",
        "provider",
        "model",
        "status",
        "latency_ms",
        "cost_micro_usd",
        "cache_enabled",
        "threat",
        "created_at",
        "request_created_at",
        "candidates",
        "filtered",
        "winner",
        "weights",
        "reason",
        "outcome",
        "evidence",
        "explanation",
        "confidence",
    ] {
        assert!(row.get(key).is_some(), "{key} is missing");
    }
    assert!(row["latency_ms"].is_u64() && row["cost_micro_usd"].is_u64());
    assert_eq!(
        (&row["organization_id"], &row["session_score"]),
        (&"acme".into(), &8.into())
    );
    assert_eq!(row["created_at"], row["request_created_at"]);
    assert_eq!(row["prev_sha256"], NO_LINE);
    assert!(row.get("decision_trace").is_none());
    let expected: Vec<String> = (1..=3).map(|n| request(n).to_string()).collect();
    assert_eq!(ids(&lines), expected, "oldest first");
    let trailer = serde_json::to_value(trailer).expect("JSON");
    for (key, value) in [
        ("_floopy_export_trailer", Value::from(true)),
        ("trailer", true.into()),
        ("outcome", "completed".into()),
        ("truncated", false.into()),
        ("reason", Value::Null),
        ("aggregation_signal_present", false.into()),
        ("next_from", Value::Null),
        ("next_cursor", Value::Null),
        ("from", "2027-01-15T07:59:00Z".into()),
    ] {
        assert_eq!(trailer.get(key), Some(&value), "{key}");
    }
}

#[tokio::test]
async fn a_row_that_rests_on_pooled_evidence_is_announced() {
    let fixture = Fixture::with_exports(config()).await;
    let mut pooled = decision(1);
    pooled.evidence.used_shared_prior = true;
    append(&fixture.intake, vec![decided(1, pooled)]).await;
    let path = format!("/v1/export/decisions?{SPAN}");
    let (_, headers, body) = fixture.raw(&path, Some(&fixture.key)).await;
    assert_eq!(
        headers["floopy-aggregation-notice"],
        "contains-shared-pool-influenced-decisions"
    );
    assert!(read(&body).1.aggregation_signal_present);
}

#[tokio::test]
async fn what_was_cut_off_goes_on_where_it_ended() {
    let hasty = Export {
        deadline_ms: 1,
        ..config()
    };
    let fixture = Fixture::with_exports(hasty).await;
    fill(&fixture, 900).await;
    let (mut seen, mut cursor, mut before) = (Vec::new(), String::new(), NO_LINE.to_owned());
    let mut answers = 0;
    loop {
        let body = export(&fixture, &cursor).await;
        let (lines, trailer) = read(&body);
        answers += 1;
        assert_eq!(
            trailer.first_prev_sha256, before,
            "one chain over all answers"
        );
        before = trailer.last_sha256;
        seen.extend(ids(&lines));
        let Some(next) = trailer.next_cursor else {
            assert!(!trailer.truncated);
            break;
        };
        assert_eq!(
            (trailer.truncated, trailer.reason.as_deref()),
            (true, Some("deadline"))
        );
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<String> = (1..=900).map(|n| request(n).to_string()).collect();
    assert_eq!(seen, expected);
    assert!(answers > 1, "nothing was cut off");
}

#[tokio::test]
async fn going_on_by_time_repeats_the_last_moment_and_leaves_out_nothing() {
    let hasty = Export {
        deadline_ms: 1,
        ..config()
    };
    let fixture = Fixture::with_exports(hasty).await;
    fill(&fixture, 600).await;
    let (mut seen, mut from) = (Vec::new(), "2027-01-15T07:59:00Z".to_owned());
    loop {
        let path = format!("/v1/export/decisions?from={from}&to=2027-01-15T08:00:10Z");
        let (_, _, body) = fixture.raw(&path, Some(&fixture.key)).await;
        let (lines, trailer) = read(&body);
        let mut ids = ids(&lines);
        if seen.last() == ids.first() {
            ids.remove(0);
        }
        seen.extend(ids);
        let Some(next) = trailer.next_from else { break };
        from = next;
    }
    let expected: Vec<String> = (1..=600).map(|n| request(n).to_string()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn too_many_rows_wrong_formats_and_foreign_cursors_are_refused() {
    let few = Export {
        max_rows: 2,
        deadline_ms: 1,
        ..config()
    };
    let fixture = Fixture::with_exports(few).await;
    fill(&fixture, 3).await;
    let refused = async |query: &str, key: &str| {
        let path = format!("/v1/export/decisions?{query}");
        let (status, _, body) = fixture.raw(&path, Some(key)).await;
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        (
            status.as_u16(),
            body["error"]["code"].as_str().map(str::to_owned),
        )
    };
    let code = |code: &str| Some(code.to_owned());
    let own = fixture.key.as_str();
    assert_eq!(
        refused(SPAN, own).await,
        (400, code("estimated_payload_too_large"))
    );
    let csv = format!("{SPAN}&format=csv");
    assert_eq!(refused(&csv, own).await, (415, code("unsupported_format")));
    let forged = format!("{SPAN}&cursor=AAAA");
    assert_eq!(refused(&forged, own).await, (400, code("invalid_request")));
    assert_eq!(refused("", own).await, (400, code("invalid_request")));
    assert_eq!(
        refused(SPAN, "fl_wrong").await,
        (401, code("invalid_api_key"))
    );
}

#[tokio::test]
async fn nobody_gets_another_tenants_rows_and_the_next_export_waits_its_turn() {
    let fixture = Fixture::with_exports(Export::default()).await;
    fill(&fixture, 3).await;
    let mut theirs = decision(7);
    theirs.tenant = TenantId::new("other").expect("valid");
    append(&fixture.intake, vec![decided(7, theirs)]).await;
    let path = format!("/v1/export/decisions?{SPAN}");
    let (_, _, body) = fixture.raw(&path, Some(&fixture.stranger)).await;
    assert_eq!(ids(&read(&body).0), [request(7).to_string()]);
    assert_eq!(ids(&read(&export(&fixture, "").await).0).len(), 3);
    let (status, headers, _) = fixture.raw(&path, Some(&fixture.key)).await;
    assert_eq!(status.as_u16(), 429);
    assert_eq!(headers["retry-after"], "5");
}

#[tokio::test]
async fn the_public_key_is_that_of_the_trailers() {
    let fixture = Fixture::with_exports(config()).await;
    let (status, body) = fixture.get("/v1/export/public-key").await;
    assert_eq!(
        (status.as_u16(), &body["algorithm"]),
        (200, &"ed25519".into())
    );
    let exported = export(&fixture, "").await;
    let (lines, trailer) = read(&exported);
    assert!(lines.is_empty() && trailer.last_sha256 == NO_LINE);
    assert_eq!(body["public_key"], trailer.public_key.as_str());
    assert_eq!(body["key_id"], trailer.key_id.as_str());
    let (status, _, _) = fixture.raw("/v1/export/public-key", None).await;
    assert_eq!(status.as_u16(), 401);
}
