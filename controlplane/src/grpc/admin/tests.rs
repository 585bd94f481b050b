//! How REST's answers become gRPC's.

use serde_json::json;
use tonic::Code;

use super::*;

#[test]
fn a_refusal_has_a_code_that_says_whether_to_ask_again() {
    for (refusal, code, said) in [
        (
            ApiError::not_configured("nothing is set up"),
            Code::FailedPrecondition,
            "not_configured",
        ),
        (
            ApiError::invalid_body("id", "no"),
            Code::InvalidArgument,
            "invalid_body",
        ),
        (
            ApiError::not_found("no such tenant"),
            Code::NotFound,
            "not_found",
        ),
        (ApiError::internal(), Code::Internal, "internal"),
    ] {
        let status = refused(refusal);
        let told = status.metadata().get("floopy-error-code");
        assert_eq!(
            (status.code(), told.and_then(|told| told.to_str().ok())),
            (code, Some(said))
        );
    }
}

#[test]
fn what_rest_tells_as_null_is_absent_or_empty() {
    let entry =
        json!({"id": 7, "tenant": null, "role": null, "action": "update", "request_id": null});
    let said = json!({"items": [entry], "next_cursor": null, "has_more": false});
    let told: wire::ListAuditResponse = read(said).expect("readable");
    let entry = &told.items[0];
    assert_eq!(
        (entry.id, entry.tenant.as_str(), entry.request_id.as_str()),
        (7, "", "")
    );
    assert_eq!((entry.role.as_ref(), told.next_cursor), (None, None));
}
