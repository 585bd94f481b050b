//! An experiment from its beginning to its rollback. Arguments: the ids of two rules.

use floopy::{
    Error,
    types::{ExperimentCreateParams, ExperimentListParams},
};
use futures::TryStreamExt;

use super::{Asked, plain};

pub(crate) async fn run(asked: &Asked) {
    let (a, b) = (asked.argument(0), asked.argument(1));
    let experiments = asked.client().experiments();
    let wanted = ExperimentCreateParams {
        name: "from Rust".to_owned(),
        variant_a_routing_rule_id: a.to_owned(),
        variant_b_routing_rule_id: b.to_owned(),
        description: Some("a small one".to_owned()),
        split_percentage: Some(30),
    };
    let made = experiments
        .create(wanted.clone(), plain())
        .await
        .expect("it begins");
    assert_eq!(
        (made.status.as_str(), made.split_percentage),
        ("active", 30),
        "{made:?}"
    );
    let params = ExperimentListParams {
        status: Some("active".to_owned()),
        ..ExperimentListParams::default()
    };
    let page = experiments.list(&params, plain()).await.expect("a page");
    assert_eq!(page.items.len(), 1, "{page:?}");
    let pages: Vec<_> = experiments
        .pages(params, plain())
        .try_collect()
        .await
        .expect("pages");
    assert_eq!(pages.len(), 1);
    let results = experiments
        .results(&made.id, plain())
        .await
        .expect("results");
    assert_eq!(results.experiment_id, made.id);
    assert_eq!(
        (results.variant_a.sample_size, results.variant_b.sample_size),
        (0, 0)
    );
    assert_eq!(results.winner, None);
    let ended = experiments
        .rollback(&made.id, plain())
        .await
        .expect("it is rolled back");
    assert_eq!(ended.status, "rolled_back");
    assert!(ended.rolled_back_at.is_some(), "{ended:?}");
    let wanted = ExperimentCreateParams {
        variant_b_routing_rule_id: a.to_owned(),
        ..wanted
    };
    let error = experiments
        .create(wanted, plain())
        .await
        .expect_err("a against itself");
    assert!(matches!(error, Error::Validation(_)), "{error}");
}
