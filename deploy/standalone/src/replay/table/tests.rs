//! Which prompts and models make it into the table.

use super::*;

fn build(rows: &[&str], priors: Option<&str>, chosen: &Chosen) -> Result<Table, InvalidTable> {
    let mut builder = Builder::default();
    for (number, row) in (1..).zip(rows) {
        let row = Row::parse(row).expect("a row");
        builder.add(number, row)?;
    }
    let priors = priors.map(|text| Priors::parse(text).expect("priors"));
    builder.build(priors.as_ref(), chosen)
}

fn row(prompt: &str, model: &str, more: &str) -> String {
    format!(r#"{{"prompt_id":"{prompt}","task":"t","model":"{model}","score":1{more}}}"#)
}

fn table(rows: &[String], priors: Option<&str>, chosen: &Chosen) -> Result<Table, InvalidTable> {
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    build(&rows, priors, chosen)
}

#[test]
fn prompts_that_some_candidate_did_not_answer_are_dropped_and_counted() {
    let rows = [row("1", "a", ""), row("1", "b", ""), row("2", "a", "")];
    let table = table(&rows, None, &Chosen::default()).expect("a table");
    assert_eq!((table.prompts(), table.left_out.prompts), (1, 1));
    assert_eq!(table.priors, [UNKNOWN_PRIOR; 2]);
    assert!(!table.has_costs());
}

#[test]
fn with_priors_only_models_that_have_one_take_part() {
    let rows = [row("1", "a", ""), row("1", "b", ""), row("1", "c", "")];
    let priors = Some(r#"{"prior":{"a":0.9,"replay/c":0.7,"z":0.1}}"#);
    let table = table(&rows, priors, &Chosen::default()).expect("a table");
    assert_eq!(table.priors, [0.9, 0.7]);
    assert_eq!(table.left_out.models, ["replay/b"]);
    assert_eq!(table.left_out.priors, ["z"]);
    assert_eq!(table.best_by_benchmark(), 0);
}

#[test]
fn the_top_models_are_the_best_by_prior() {
    let rows = [row("1", "a", ""), row("1", "b", ""), row("1", "c", "")];
    let priors = Some(r#"{"prior":{"a":0.1,"b":0.2,"c":0.3}}"#);
    let chosen = Chosen {
        top: Some(2),
        ..Chosen::default()
    };
    let table = table(&rows, priors, &chosen).expect("a table");
    let names: Vec<&str> = table.models.iter().map(CandidateKey::model).collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn sessions_keep_the_order_of_their_lines() {
    let session = r#","session":"s""#;
    let rows = [
        row("9", "a", session),
        row("1", "a", session),
        row("9", "b", ""),
        row("1", "b", ""),
    ];
    let table = table(&rows, None, &Chosen::default()).expect("a table");
    let prompts: Vec<usize> = table.sessions[0].iter().map(|turn| turn.prompt).collect();
    assert_eq!(prompts, [1, 0], "prompt 9 stands second, and came first");
}

#[test]
fn an_answer_given_twice_and_models_that_are_not_there_are_refused() {
    let rows = [row("1", "a", ""), row("1", "a", "")];
    let error = table(&rows, None, &Chosen::default())
        .expect_err("twice")
        .to_string();
    assert_eq!(
        error,
        "line 2: replay/a answered prompt \"1\" twice, first on line 1"
    );
    let chosen = Chosen {
        models: vec!["q".into()],
        top: None,
    };
    let error = table(&rows[..1], None, &chosen)
        .expect_err("no such model")
        .to_string();
    assert!(error.contains("\"q\""), "{error}");
}

#[test]
fn halves_share_no_prompt_and_lose_none() {
    let rows: Vec<String> = (0..20)
        .flat_map(|n| {
            ["a", "b"].map(|model| row(&n.to_string(), model, &format!(r#","cost_usd":{n}"#)))
        })
        .collect();
    let table = table(&rows, None, &Chosen::default()).expect("a table");
    let (first, second) = table.halves(3).expect("parted");
    let costs = |table: &Table| -> Vec<u64> {
        let cost = |prompt: &Vec<Outcome>| prompt[0].cost_usd.map_or(0, |cost| cost as u64);
        table.shapes[0].prompts.iter().map(cost).collect()
    };
    let mut all = [costs(&first), costs(&second)].concat();
    assert_eq!((costs(&first).len(), costs(&second).len()), (10, 10));
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<u64>>());
}
