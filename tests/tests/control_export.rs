//! Exports on the real binaries: read by the real SDK, verified offline, cut off and gone on with, in memory that
//! does not grow with them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream,
    checks::assert_error,
    history::{HISTORIC_TENANT, fill, read_through, span},
    in_both_shapes,
    process::binary,
    python,
};
use serde_json::Value;
use tokio::process::Command;

in_both_shapes!(
    the_sdk_iterates_an_export_with_its_trailer,
    an_export_is_verified_offline_and_a_changed_byte_is_named,
    an_export_that_is_cut_off_goes_on_and_still_verifies,
    explanations_come_in_the_language_that_is_asked_for,
);

/// Rows of the usual past.
const ROWS: usize = 3_000;

struct World {
    _upstream: Upstream,
    floopy: Floopy,
    api: Api,
    span: (String, String),
}

async fn start(shape: Shape, rows: usize, export: &str) -> World {
    let dir = tempfile::tempdir().expect("a directory");
    fill(dir.path(), shape, rows).await;
    let upstream = Upstream::start().await;
    let (tenant, key) = HISTORIC_TENANT;
    let settings = Settings::for_upstream(&upstream);
    let settings = settings.another_tenant(tenant, key).export(export);
    let floopy = Floopy::over(shape, settings, dir).await;
    let api = floopy.api().with_key(key);
    World {
        _upstream: upstream,
        floopy,
        api,
        span: span(),
    }
}

/// `floopy export` with these arguments.
async fn floopy_export(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("floopy"));
    command.arg("export").args(arguments).env("NO_COLOR", "1");
    command.env("FLOOPY_TEST_KEY", HISTORIC_TENANT.1);
    command.output().await.expect("it runs")
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.floopy.dir().join(name)
    }

    async fn fetch(&self, file: &Path, more: &[&str]) -> Output {
        let ((from, to), file) = (&self.span, file.display().to_string());
        let given = [
            "decisions",
            "--from",
            from,
            "--to",
            to,
            "-o",
            &file,
            "--url",
            self.api.base(),
            "--key-env",
            "FLOOPY_TEST_KEY",
        ];
        floopy_export(&[&given[..], more].concat()).await
    }
}

async fn verify(file: &Path, more: &[&str]) -> (Option<i32>, String) {
    let file = file.display().to_string();
    let output = floopy_export(&[&["verify", &file], more].concat()).await;
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[track_caller]
fn succeeded(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("written");
    let read = |line: &str| serde_json::from_str(line).expect("JSON");
    text.lines().map(read).collect()
}

async fn the_sdk_iterates_an_export_with_its_trailer(shape: Shape) {
    let world = start(shape, ROWS, "interval_ms = 0").await;
    let (from, to) = &world.span;
    let base = format!("{}/v1", world.api.base());
    let rows = ROWS.to_string();
    let arguments = [base.as_str(), world.api.key(), "export", from, to, &rows];
    python::run("floopy_client.py", &arguments).await;
    let path = format!("/v1/export/decisions?from={from}&to={to}&format=csv");
    assert_error(
        &world.api.get(&path).await,
        415,
        "unsupported_format",
        &["csv"],
    );
    let path = format!("/v1/export/decisions?from={from}");
    assert_error(
        &world.api.get(&path).await,
        400,
        "invalid_request",
        &["to is missing"],
    );
}

async fn an_export_is_verified_offline_and_a_changed_byte_is_named(shape: Shape) {
    let world = start(shape, ROWS, "interval_ms = 0").await;
    let file = world.path("export.jsonl");
    succeeded(&world.fetch(&file, &[]).await);
    let key = world.api.get("/v1/export/public-key").await.ok().json();
    let key = key["public_key"].as_str().expect("a key").to_owned();
    let (code, said) = verify(&file, &["--public-key", &key]).await;
    assert!(
        code == Some(0) && said.contains("ok: 3000 rows of tenant-0000 in 1 part,"),
        "{said}"
    );
    let (code, said) = verify(&file, &["--public-key", &"ab".repeat(32)]).await;
    assert!(
        code == Some(1) && said.contains("line 3001: it is signed with key"),
        "{said}"
    );
    let mut bytes = fs::read(&file).expect("written");
    let line_1234 = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let begin = line_1234.map(|(at, _)| at).nth(1_232).expect("many lines");
    let at = begin
        + bytes[begin..]
            .iter()
            .position(|byte| byte.is_ascii_digit())
            .expect("a digit");
    bytes[at] ^= 1;
    let changed = world.path("changed.jsonl");
    fs::write(&changed, &bytes).expect("written");
    let (code, said) = verify(&changed, &[]).await;
    assert!(
        code == Some(1) && said.contains("changed.jsonl, line 1234: "),
        "{said}"
    );
    // `floopy replay` reads the same file, its trailer included.
    let decisions = file.display().to_string();
    let replay = Command::new(binary("floopy"))
        .args(["replay", "--decisions", &decisions, "--exclude", "model-0"])
        .output()
        .await;
    let said = replay.expect("it runs");
    let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(!said.contains("not a decision"), "{said}");
}

async fn an_export_that_is_cut_off_goes_on_and_still_verifies(shape: Shape) {
    let world = start(shape, ROWS, "interval_ms = 0\ndeadline_ms = 1").await;
    let (file, half) = (world.path("export.jsonl"), world.path("half.jsonl"));
    succeeded(&world.fetch(&file, &[]).await);
    let (code, said) = verify(&file, &[]).await;
    assert!(
        code == Some(0) && said.contains("ok: 3000 rows of tenant-0000 in "),
        "{said}"
    );
    let lines = lines(&file);
    let trailers: Vec<usize> = (0..lines.len())
        .filter(|n| lines[*n]["trailer"] == true)
        .collect();
    assert!(trailers.len() > 2, "{said}");
    let ids = lines.iter().filter_map(|line| line["request_id"].as_str());
    assert_eq!(ids.collect::<HashSet<_>>().len(), ROWS);
    // A file that ends in the middle of its second part goes on as well.
    let text = fs::read_to_string(&file).expect("written");
    let kept: String = text.split_inclusive('\n').take(trailers[0] + 9).collect();
    fs::write(&half, &kept[..kept.len() - 7]).expect("written");
    let (code, said) = verify(&half, &[]).await;
    assert!(
        code == Some(1) && said.contains("cut off in the middle"),
        "{said}"
    );
    let refused = world.fetch(&half, &[]).await;
    assert!(
        !refused.status.success(),
        "an existing file was overwritten"
    );
    succeeded(&world.fetch(&half, &["--resume"]).await);
    let (code, said) = verify(&half, &[]).await;
    assert!(
        code == Some(0) && said.contains("ok: 3000 rows of tenant-0000 in "),
        "{said}"
    );
    let first: String = text.split_inclusive('\n').take(trailers[0] + 1).collect();
    fs::write(&half, first).expect("written");
    let (code, said) = verify(&half, &[]).await;
    assert!(
        code == Some(3) && said.contains("intact, but cut off"),
        "{said}"
    );
}

async fn explanations_come_in_the_language_that_is_asked_for(shape: Shape) {
    let world = start(shape, 4, "").await;
    for (wanted, tag, word) in [
        ("pt-BR", "pt", "lidera"),
        ("es;q=0.5", "es", "lidera"),
        ("de", "en", "leads"),
    ] {
        let call = world.api.call(http::Method::GET, "/v1/decisions");
        let answer = call.header("accept-language", wanted).send().await.ok();
        assert_eq!(answer.header("content-language"), tag);
        let page = answer.json();
        let text = page["items"][0]["explanation"]
            .as_str()
            .expect("text")
            .to_owned();
        assert!(text.contains(word), "{wanted}: {text}");
        assert_eq!(page["items"][0]["explanation_detail"]["locale"], tag);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_with_an_export() {
    let (few, many) = (2_000, 20_000);
    let small = start(Shape::Split, few, "interval_ms = 0").await;
    let small = read_through(&small.floopy, &small.api).await;
    let large = start(Shape::Split, many, "interval_ms = 0").await;
    let large = read_through(&large.floopy, &large.api).await;
    assert!(
        large.bytes > 5 * small.bytes,
        "{} and {} bytes",
        small.bytes,
        large.bytes
    );
    let grown = large.peak_kib as f64 / small.peak_kib as f64;
    assert!(
        grown < 1.5,
        "{} KiB for {} bytes, {} KiB for {} bytes",
        small.peak_kib,
        small.bytes,
        large.peak_kib,
        large.bytes
    );
}
