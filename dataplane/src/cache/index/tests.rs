//! That questions are found by whom they belong to, and that the bound holds.

use proptest::prelude::*;

use super::*;

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

fn meaning(scope: u8, question: &str) -> Meaning {
    Meaning::asking([scope; 32], vec![question.to_owned()])
}

fn found(index: &Index, of: &TenantId, scope: u8, question: &str) -> Vec<u8> {
    let found = index.find(of, &meaning(scope, question), 0.5);
    found
        .into_iter()
        .map(|similar| similar.matched[0])
        .collect()
}

#[test]
fn a_question_is_found_in_its_scope_and_by_its_tenant_alone() {
    let index = Index::new(1 << 20);
    let own = tenant("a");
    index.add(&own, &meaning(1, "How do I reset my password?"), [7; 32]);
    index.add(&own, &meaning(1, "How do I delete my account?"), [8; 32]);
    let asked = "how can I reset the password";
    assert_eq!(found(&index, &own, 1, asked), [7]);
    assert!(found(&index, &own, 2, asked).is_empty());
    assert!(found(&index, &tenant("b"), 1, asked).is_empty());
    assert!(found(&index, &own, 1, "How do I not reset my password?").is_empty());
}

#[test]
fn what_is_gone_is_not_found_and_takes_no_room() {
    let index = Index::new(1 << 20);
    let own = tenant("a");
    for (n, question) in ["What is gravity?", "Who was Gandhi?", "Where is Lima?"]
        .iter()
        .enumerate()
    {
        index.add(&own, &meaning(1, question), [n as u8; 32]);
    }
    index.forget(&own, &meaning(1, ""), &[0; 32]);
    assert!(found(&index, &own, 1, "what is gravity").is_empty());
    index.retain(&own, |key| key[0] == 2);
    assert_eq!(found(&index, &own, 1, "where is Lima"), [2]);
    assert_eq!(index.census().1, 1);
    index.keep_only(|_| false);
    assert_eq!(index.census(), (0, 0));
}

#[test]
fn the_same_call_is_remembered_once() {
    let index = Index::new(1 << 20);
    let own = tenant("a");
    for _ in 0..3 {
        index.add(&own, &meaning(1, "What is gravity?"), [1; 32]);
    }
    assert_eq!(index.census().1, 1);
}

#[test]
fn a_flood_of_one_tenant_takes_nothing_from_who_holds_less() {
    let index = Index::new(64 << 10);
    let (quiet, loud) = (tenant("quiet"), tenant("loud"));
    index.add(&quiet, &meaning(1, "What is gravity?"), [1; 32]);
    for n in 0..=255 {
        for m in 0..8 {
            index.add(
                &loud,
                &meaning(n, &format!("What is {m} plus {n}?")),
                [m; 32],
            );
        }
    }
    assert_eq!(found(&index, &quiet, 1, "what is gravity"), [1]);
    assert!(index.census().0 <= 64 << 10);
}

proptest! {
    #[test]
    fn it_never_holds_more_than_its_bound_and_counts_what_it_holds(
        puts in prop::collection::vec((0usize..3, 0u8..4, any::<u8>(), any::<bool>()), 0..120),
    ) {
        let index = Index::new(8_000);
        let tenants = ["a", "b", "c"].map(tenant);
        for (whose, scope, n, forgets) in puts {
            let asked = meaning(scope, &format!("What is {n} and more of it?"));
            if forgets {
                index.forget(&tenants[whose], &asked, &[n; 32]);
            } else {
                index.add(&tenants[whose], &asked, [n; 32]);
            }
            prop_assert!(index.census().0 <= 8_000);
        }
        let shelves = index.lock();
        let slots = shelves.of.values().flat_map(|shelf| shelf.scopes.iter());
        let weights = slots.flat_map(|(_, slot)| {
            let scope = slot.scope.read().expect("not poisoned");
            scope.asked.iter().map(|question| question.weight).collect::<Vec<_>>()
        });
        prop_assert_eq!(weights.sum::<usize>(), shelves.bytes);
    }
}
