//! What is asked now and done later: evaluations, files and batches.

use floopy::{
    Error,
    types::{
        Batch, BatchCreateParams, BatchListParams, EvaluationCreateParams, EvaluationRun,
        FileListParams, FileObject, FileUploadParams,
    },
};
use serde_json::json;

use super::{Asked, eventually, plain};

fn has_ended(run: &EvaluationRun) -> bool {
    matches!(run.status.as_str(), "completed" | "failed" | "cancelled")
}

/// Arguments: the id of a dataset, and how many rows it has.
pub(crate) async fn evaluations(asked: &Asked) {
    let evaluations = asked.client().evaluations();
    let wanted = EvaluationCreateParams {
        dataset_id: asked.argument(0).to_owned(),
        model: "auto".to_owned(),
        prompt_id: None,
        config: Some(json!({"max_tokens": 50})),
    };
    let made = evaluations
        .create(wanted, plain())
        .await
        .expect("it is taken");
    assert_eq!(made.dataset_id, asked.argument(0), "{made:?}");
    let run = eventually("the end of the run", async || {
        let run = evaluations
            .get(&made.id, plain())
            .await
            .expect("it is there");
        has_ended(&run).then_some(run)
    })
    .await;
    assert_eq!(run.status, "completed", "{run:?}");
    assert!(
        run.started_at.is_some() && run.finished_at.is_some(),
        "{run:?}"
    );
    let mut cursor: Option<String> = None;
    let mut seen = 0;
    loop {
        let page = evaluations
            .results(&made.id, Some(2), cursor.as_deref(), plain())
            .await;
        let page = page.expect("a page");
        for row in &page.items {
            assert_eq!(row.run_id, made.id);
            assert!(!row.output.is_empty(), "{row:?}");
            assert!(
                row.score.is_none_or(|score| (0.0..=1.0).contains(&score)),
                "{row:?}"
            );
        }
        seen += page.items.len();
        cursor = page.next_cursor;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen.to_string(), asked.argument(1));
    let again = evaluations
        .cancel(&made.id, plain())
        .await
        .expect("it is told how it ended");
    assert_eq!(
        again.status, "completed",
        "what has ended stays as it ended"
    );
    let unknown = evaluations
        .get("nowhere", plain())
        .await
        .expect_err("no such run");
    assert!(
        matches!(unknown, Error::NotFound(_) | Error::Validation(_)),
        "{unknown}"
    );
}

fn line(custom_id: &str, model: &str) -> String {
    let body = json!({"model": model, "max_tokens": 20,
        "messages": [{"role": "user", "content": "Good morning"}]});
    let line = json!({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body});
    format!("{line}\n")
}

/// Arguments: a provider and a model of its own.
pub(crate) async fn batches(asked: &Asked) {
    let (provider, model) = (asked.argument(0), asked.argument(1));
    let client = asked.client();
    let at = || Some(floopy::RequestOptions::new().provider(provider));
    let file = FileUploadParams {
        file: (line("first", model) + &line("second", model)).into_bytes(),
        filename: Some("questions.jsonl".to_owned()),
        purpose: "batch".to_owned(),
    };
    let bytes = i64::try_from(file.file.len()).expect("few");
    let file = client
        .files()
        .upload(file, at())
        .await
        .expect("it is taken");
    assert_eq!(
        (file.bytes, file.filename.as_deref()),
        (Some(bytes), Some("questions.jsonl"))
    );
    check_file(asked, &file).await;
    let wanted = BatchCreateParams {
        input_file_id: file.id.clone(),
        endpoint: "/v1/chat/completions".to_owned(),
        completion_window: "24h".to_owned(),
        metadata: None,
    };
    let made = client
        .batches()
        .create(wanted, at())
        .await
        .expect("it is taken");
    let ended = reached(asked, &made.id, "completed").await;
    let counts = ended.request_counts.as_ref().expect("counts");
    assert_eq!(
        (counts.total, counts.completed),
        (Some(2), Some(2)),
        "{ended:?}"
    );
    let output = ended.output_file_id.expect("an output");
    let output = client
        .files()
        .content(&output, at())
        .await
        .expect("its content");
    let output = String::from_utf8(output).expect("text");
    assert_eq!(output.lines().count(), 2, "{output}");
    assert!(
        output.contains("\"first\"") && output.contains("\"second\""),
        "{output}"
    );
    let listed = client
        .batches()
        .list(BatchListParams::default(), at())
        .await
        .expect("a list");
    assert_eq!(listed.data.len(), 1, "{listed:?}");
    let late = client.batches().cancel(&made.id, plain()).await;
    let late = late.expect_err("it has ended");
    assert!(matches!(&late, Error::Validation(_)), "{late}");
    let deleted = client
        .files()
        .delete(&file.id, at())
        .await
        .expect("it goes");
    assert_eq!((deleted.id, deleted.deleted), (file.id, Some(true)));
}

/// It is told, listed, and comes back as it went.
async fn check_file(asked: &Asked, file: &FileObject) {
    let files = asked.client().files();
    let told = files
        .retrieve(&file.id, plain())
        .await
        .expect("it is there");
    assert_eq!(
        (&told.id, told.bytes, told.purpose.as_deref()),
        (&file.id, file.bytes, Some("batch"))
    );
    let page = FileListParams {
        purpose: Some("batch".to_owned()),
        limit: Some(10),
        after: None,
    };
    let listed = files.list(page, plain()).await.expect("a list");
    let ids: Vec<&String> = listed.data.iter().map(|listed| &listed.id).collect();
    assert_eq!(ids, [&file.id]);
    let content = files.content(&file.id, plain()).await.expect("its content");
    assert_eq!(i64::try_from(content.len()).ok(), file.bytes);
}

/// Arguments: a provider and a model of its own, which does not come to an end by itself.
pub(crate) async fn cancelled(asked: &Asked) {
    let (provider, model) = (asked.argument(0), asked.argument(1));
    let client = asked.client();
    let at = || Some(floopy::RequestOptions::new().provider(provider));
    let file = FileUploadParams {
        file: line("first", model).into_bytes(),
        filename: None,
        purpose: "batch".to_owned(),
    };
    let file = client.files().upload(file, at()).await;
    let file = file.expect("it is taken");
    let wanted = BatchCreateParams {
        input_file_id: file.id,
        endpoint: "/v1/chat/completions".to_owned(),
        completion_window: "24h".to_owned(),
        metadata: Some([("run".to_owned(), "7".to_owned())].into()),
    };
    let made = client.batches().create(wanted, at()).await;
    let made = made.expect("it is taken");
    reached(asked, &made.id, "in_progress").await;
    let said = client.batches().cancel(&made.id, plain()).await;
    let said = said.expect("it is taken");
    assert_eq!(said.status.as_deref(), Some("cancelling"), "{said:?}");
    let ended = reached(asked, &made.id, "cancelled").await;
    assert_eq!(ended.output_file_id, None, "{ended:?}");
    let unknown = client.batches().retrieve("batch_none", plain()).await;
    let unknown = unknown.expect_err("there is none");
    assert!(matches!(&unknown, Error::NotFound(_)), "{unknown}");
}

async fn reached(asked: &Asked, id: &str, status: &str) -> Batch {
    let batches = asked.client().batches();
    eventually(status, async || {
        let batch = batches.retrieve(id, plain()).await.expect("it is there");
        (batch.status.as_deref() == Some(status)).then_some(batch)
    })
    .await
}
