//! Limits as calls meet them.

use floopy_shared::domain::{
    limits::Limits,
    rate::{RateBy, RateLimit},
    snapshot::KeyScope,
};
use http::HeaderValue;

use super::*;

fn admitted(limits: Limits, of_key: Option<u32>) -> Admitted {
    let id = TenantId::new("t").expect("valid");
    Admitted {
        snapshot: Arc::default(),
        tenant: Arc::new(Tenant {
            limits,
            ..Tenant::new(id)
        }),
        key_id: "k".to_owned(),
        scope: KeyScope {
            requests_per_minute: of_key,
            ..KeyScope::default()
        },
        default_project: None,
    }
}

fn admit(rates: &Rates, caller: &Admitted, now_ms: u64) -> Result<Option<Left>, Exceeded> {
    let headers = HeaderMap::new();
    let admission = rates.admit(caller, (&headers, None), now_ms);
    admission.map(|admission| admission.left.requests)
}

#[test]
fn the_narrower_of_the_keys_limit_and_everybodys_holds_for_each_key() {
    let rates = Rates::default();
    let limits = Limits {
        requests_per_minute: Some(2),
        ..Limits::default()
    };
    let caller = admitted(limits, Some(5));
    let left = admit(&rates, &caller, 0).expect("one").expect("limited");
    assert_eq!((left.limit, left.remaining), (2, 1));
    admit(&rates, &caller, 0).expect("two");
    let third = admit(&rates, &caller, 1_000).expect_err("everybody's limit");
    let by = "max_requests_per_minute";
    assert!(matches!(third, Exceeded::Requests { limit: 2, by: b, wait_s: 1.. } if b == by));
    let other = Admitted {
        key_id: "l".to_owned(),
        ..admitted(limits, Some(1))
    };
    admit(&rates, &other, 1_000).expect("another key counts for itself");
    let second = admit(&rates, &other, 1_000).expect_err("its own limit");
    assert!(matches!(
        second,
        Exceeded::Requests {
            limit: 1,
            by: "requests_per_minute",
            ..
        }
    ));
    admit(&rates, &other, 125_000).expect("a new window");
}

#[test]
fn an_address_has_a_limit_whoever_calls_from_it() {
    let rates = Rates::default();
    let [one, other] = ["203.0.113.1", "203.0.113.2"].map(|a| a.parse().expect("an address"));
    assert_eq!(rates.admit_address(one, 1, 0), Ok(()));
    let second = rates.admit_address(one, 1, 1_000).expect_err("its limit");
    assert!(matches!(
        second,
        Exceeded::Address {
            limit: 1,
            wait_s: 1..
        }
    ));
    assert_eq!(rates.admit_address(other, 1, 1_000), Ok(()));
    assert_eq!(rates.admit_address(one, 1, 125_000), Ok(()));
}

#[test]
fn tokens_close_the_door_once_they_are_spent() {
    let rates = Rates::default();
    let limits = Limits {
        tokens_per_window: Some(100),
        token_window_s: Some(10),
        ..Limits::default()
    };
    let caller = admitted(limits, None);
    assert_eq!(admit(&rates, &caller, 0), Ok(None));
    let usage = Usage {
        input: 90,
        cached_input: 0,
        output: 30,
    };
    rates.spend(&caller.tenant, usage, 0);
    let error = admit(&rates, &caller, 1).expect_err("spent");
    assert!(matches!(
        error,
        Exceeded::Tokens {
            limit: 100,
            window_s: 10,
            wait_s: 1..
        }
    ));
    assert_eq!(admit(&rates, &caller, 20_000), Ok(None));
}

#[test]
fn nothing_limits_who_has_no_limits_and_a_closed_tenant_opens_by_itself() {
    let rates = Rates::default();
    let mut caller = admitted(Limits::default(), None);
    assert_eq!(admit(&rates, &caller, 0), Ok(None));
    let mut tenant = (*caller.tenant).clone();
    tenant.closed = Some(Closed::MonthlyCost { until_ms: 5_000 });
    caller.tenant = Arc::new(tenant);
    let closed = |wait_s| Err(Exceeded::MonthlyCost { wait_s });
    assert_eq!(admit(&rates, &caller, 2_999), closed(3));
    assert_eq!(admit(&rates, &caller, 4_999), closed(1));
    assert_eq!(admit(&rates, &caller, 5_000), Ok(None));
}

fn rate(name: &str, by: RateBy, requests: Option<u64>, tokens: Option<u64>) -> RateLimit {
    RateLimit {
        name: name.to_owned(),
        by,
        window_s: 60,
        requests,
        tokens,
        when_named: name == "strict",
    }
}

fn with(rates: Vec<RateLimit>, key: &str) -> Admitted {
    let mut caller = admitted(Limits::default(), None);
    let mut tenant = (*caller.tenant).clone();
    tenant.rates = rates.into();
    caller.tenant = Arc::new(tenant);
    key.clone_into(&mut caller.key_id);
    caller
}

fn ask(rates: &Rates, caller: &Admitted, header: Option<(&'static str, &str)>) -> Option<String> {
    let mut headers = HeaderMap::new();
    if let Some((name, value)) = header {
        headers.insert(name, HeaderValue::from_str(value).expect("text"));
    }
    let named = Rates::named(caller, &headers).expect("known");
    let admitted = rates.admit(caller, (&headers, named), 1_000);
    match admitted {
        Ok(_) => None,
        Err(Exceeded::Own { name, .. }) => Some(name),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_tenants_own_limits_hold_for_those_whose_calls_they_count() {
    let rates = Rates::default();
    let limits = vec![
        rate("all", RateBy::Tenant, Some(6), None),
        rate(
            "each",
            RateBy::Property("customer".to_owned()),
            Some(2),
            None,
        ),
        rate("strict", RateBy::Key, Some(1), None),
    ];
    let (one, two) = (with(limits.clone(), "k"), with(limits, "l"));
    let of = |name| Some(("floopy-property-customer", name));
    let strict = Some(("floopy-ratelimit-policy", "strict"));
    assert_eq!(ask(&rates, &one, of("a")), None);
    assert_eq!(ask(&rates, &two, of("a")), None);
    assert_eq!(ask(&rates, &one, of("a")), Some("each".to_owned()));
    assert_eq!(ask(&rates, &one, of("b")), None, "another customer");
    assert_eq!(ask(&rates, &one, strict), None);
    assert_eq!(ask(&rates, &one, strict), Some("strict".to_owned()));
    assert_eq!(ask(&rates, &two, strict), None, "another key");
    // What was refused by a later limit was not counted by an earlier one: this is the sixth.
    assert_eq!(ask(&rates, &one, None), None);
    assert_eq!(ask(&rates, &two, None), Some("all".to_owned()));
}

#[test]
fn tokens_of_a_limit_count_where_the_call_was_let_in() {
    let rates = Rates::default();
    let limits = vec![rate("spend", RateBy::Tenant, None, Some(10))];
    let caller = with(limits, "k");
    let headers = HeaderMap::new();
    let admission = rates.admit(&caller, (&headers, None), 1_000);
    let charged = admission.expect("let in").charged;
    let usage = Usage {
        input: 7,
        cached_input: 0,
        output: 5,
    };
    charged.spend(usage, 1_000);
    assert_eq!(ask(&rates, &caller, None), Some("spend".to_owned()));
}

#[test]
fn a_limit_that_nobody_knows_is_refused_by_name() {
    let caller = with(vec![rate("strict", RateBy::Key, Some(1), None)], "k");
    let mut headers = HeaderMap::new();
    headers.insert("floopy-ratelimit-policy", HeaderValue::from_static("strct"));
    let refusal = Rates::named(&caller, &headers).expect_err("unknown");
    assert!(refusal.message.contains("\"strct\"") && refusal.message.contains("strict"));
}
