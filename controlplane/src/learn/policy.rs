//! From posteriors to traffic: who serves, who is tried beside it, who steps in, who is tried in the shadow.

mod shadow;

use floopy_shared::domain::ranking::Role;

use super::{estimate::Estimate, normal::cdf};

/// What the tenant wants of routing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The best quality.
    Quality,
    /// The cheapest that keeps `floor` times the baseline's quality with probability `assurance`.
    Floor { floor: f64, assurance: f64 },
}

/// Difference in units of its own standard deviation from which a challenger replaces the incumbent: it is
/// better with about 69 %. Less switches on noise, more gives away what was learned.
const SWITCH_Z: f64 = 0.5;
/// Observations in this shape without which a candidate gets no live traffic as a canary.
const CANARY_EVIDENCE: f64 = 3.0;
/// How far below the assurance the incumbent of a floor may fall before it is replaced.
const FLOOR_SLACK: f64 = 0.1;
/// One candidate as the policy sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contender {
    pub estimate: Estimate,
    /// Cost of a typical call in micro-USD; `None`: unknown, so never preferred for its price.
    pub cost: Option<u64>,
}

/// What is known besides the contenders: positions among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    pub goal: Goal,
    /// Who served until now.
    pub incumbent: Option<usize>,
    /// The reference that a floor is measured against.
    pub baseline: usize,
    /// Share of live traffic that a canary gets.
    pub canary_rate: f64,
    /// Share of requests that are tried in the shadow.
    pub shadow_rate: f64,
    /// What the shadow may cost, as a share of what the served replies cost.
    pub shadow_spend: f64,
}

/// Traffic per contender, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    pub incumbent: usize,
    pub roles: Vec<Role>,
    pub probabilities: Vec<f64>,
    pub shadow: Vec<f64>,
    /// Incumbent first, then by quality.
    pub order: Vec<usize>,
}

/// Decides; `None` where there is no contender.
pub fn decide(contenders: &[Contender], setting: &Setting) -> Option<Traffic> {
    let incumbent = match setting.goal {
        Goal::Quality => best_with_hysteresis(contenders, setting.incumbent)?,
        Goal::Floor { floor, assurance } => {
            cheapest_above(contenders, setting, (floor, assurance)).or(best(contenders))?
        }
    };
    let mut roles = vec![Role::Fallback; contenders.len()];
    let mut probabilities = vec![0.0; contenders.len()];
    roles[incumbent] = Role::Incumbent;
    probabilities[incumbent] = 1.0;
    let canary = match setting.goal {
        Goal::Quality => canary(contenders, incumbent),
        // A floor is a promise about every answer: only the shadow explores.
        Goal::Floor { .. } => None,
    };
    if let Some(canary) = canary.filter(|_| setting.canary_rate > 0.0) {
        roles[canary] = Role::Canary;
        probabilities[canary] = setting.canary_rate;
        probabilities[incumbent] = 1.0 - setting.canary_rate;
    }
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    order.sort_by(|a, b| {
        let quality = |i: &usize| contenders[*i].estimate.q;
        (*b == incumbent)
            .cmp(&(*a == incumbent))
            .then(quality(b).total_cmp(&quality(a)))
    });
    Some(Traffic {
        incumbent,
        roles,
        probabilities,
        shadow: shadow::shares(contenders, incumbent, setting),
        order,
    })
}

/// By how many of its standard deviations the quality of `a` exceeds that of `b`.
fn z(a: &Estimate, b: &Estimate) -> f64 {
    (a.q - b.q) / (a.v + b.v).sqrt()
}

/// The highest quality; the cheaper one among equals, then the earlier.
fn best(contenders: &[Contender]) -> Option<usize> {
    (0..contenders.len()).min_by(|a, b| {
        let (a, b) = (&contenders[*a], &contenders[*b]);
        b.estimate
            .q
            .total_cmp(&a.estimate.q)
            .then(price(a).cmp(&price(b)))
    })
}

/// What sorts by price: the unknown last.
fn price(contender: &Contender) -> u64 {
    contender.cost.unwrap_or(u64::MAX)
}

fn best_with_hysteresis(contenders: &[Contender], incumbent: Option<usize>) -> Option<usize> {
    let Some(held) = incumbent.filter(|i| *i < contenders.len()) else {
        return best(contenders);
    };
    let lead = |i: &usize| z(&contenders[*i].estimate, &contenders[held].estimate);
    let challenger = (0..contenders.len())
        .filter(|i| *i != held && lead(i) >= SWITCH_Z)
        .max_by(|a, b| lead(a).total_cmp(&lead(b)));
    Some(challenger.unwrap_or(held))
}

/// The challenger that is probably no worse but not yet clearly better.
fn canary(contenders: &[Contender], incumbent: usize) -> Option<usize> {
    let lead = |i: &usize| z(&contenders[*i].estimate, &contenders[incumbent].estimate);
    (0..contenders.len())
        .filter(|i| *i != incumbent && contenders[*i].estimate.n >= CANARY_EVIDENCE)
        .filter(|i| (0.0..SWITCH_Z).contains(&lead(i)))
        .max_by(|a, b| lead(a).total_cmp(&lead(b)))
}

/// Probability that `a` has at least `floor` times the quality of `b`, both normal and independent.
pub fn p_floor(a: &Estimate, b: &Estimate, floor: f64) -> f64 {
    cdf((a.q - floor * b.q) / (a.v + floor * floor * b.v).sqrt())
}

fn cheapest_above(
    contenders: &[Contender],
    setting: &Setting,
    (floor, assurance): (f64, f64),
) -> Option<usize> {
    let baseline = contenders.get(setting.baseline)?;
    let keeps = |i: usize| {
        let needed = if setting.incumbent == Some(i) {
            assurance - FLOOR_SLACK
        } else {
            assurance
        };
        i == setting.baseline
            || p_floor(&contenders[i].estimate, &baseline.estimate, floor) >= needed
    };
    (0..contenders.len()).filter(|i| keeps(*i)).min_by(|a, b| {
        // The baseline stands in where nothing cheaper keeps the floor; an unknown price is never cheaper.
        let key = |i: usize| (price(&contenders[i]), setting.incumbent != Some(i));
        key(*a).cmp(&key(*b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn contender(q: f64, sd: f64, n: f64, cost: u64) -> Contender {
        let estimate = Estimate {
            q,
            v: sd * sd,
            n,
            outcome_variance: 0.0,
            prior_share: 0.5,
        };
        Contender {
            estimate,
            cost: Some(cost),
        }
    }

    pub(super) fn quality(incumbent: Option<usize>) -> Setting {
        Setting {
            goal: Goal::Quality,
            incumbent,
            baseline: 0,
            canary_rate: 0.05,
            shadow_rate: 0.1,
            shadow_spend: 1.0,
        }
    }

    #[test]
    fn a_small_lead_makes_a_canary_and_a_clear_one_a_switch() {
        let close = [
            contender(0.80, 0.05, 50.0, 9),
            contender(0.82, 0.05, 50.0, 9),
        ];
        let traffic = decide(&close, &quality(Some(0))).expect("two");
        assert_eq!((traffic.incumbent, traffic.roles[1]), (0, Role::Canary));
        assert_eq!(traffic.probabilities, [0.95, 0.05]);
        let clear = [
            contender(0.80, 0.05, 50.0, 9),
            contender(0.90, 0.05, 50.0, 9),
        ];
        let traffic = decide(&clear, &quality(Some(0))).expect("two");
        assert_eq!((traffic.incumbent, traffic.order), (1, vec![1, 0]));
    }

    #[test]
    fn nobody_is_a_canary_on_benchmarks_alone() {
        let close = [
            contender(0.80, 0.05, 50.0, 9),
            contender(0.82, 0.15, 0.0, 9),
        ];
        let traffic = decide(&close, &quality(Some(0))).expect("two");
        assert_eq!(traffic.probabilities, [1.0, 0.0]);
        assert_eq!(traffic.shadow, [0.0, 1.0]);
    }

    #[test]
    fn without_an_incumbent_the_best_serves_and_the_cheaper_among_equals() {
        let equal = [
            contender(0.8, 0.1, 0.0, 9),
            contender(0.8, 0.1, 0.0, 3),
            contender(0.7, 0.1, 0.0, 1),
        ];
        assert_eq!(decide(&equal, &quality(None)).expect("three").incumbent, 1);
    }

    #[test]
    fn a_floor_picks_the_cheapest_that_keeps_it_and_else_the_baseline() {
        let goal = Goal::Floor {
            floor: 0.95,
            assurance: 0.7,
        };
        let setting = Setting {
            goal,
            ..quality(None)
        };
        let known = [
            contender(0.9, 0.02, 99.0, 100),
            contender(0.89, 0.02, 99.0, 10),
            contender(0.5, 0.02, 99.0, 1),
        ];
        let traffic = decide(&known, &setting).expect("three");
        assert_eq!(traffic.incumbent, 1);
        assert_eq!(traffic.probabilities, [0.0, 1.0, 0.0]);
        assert!(
            traffic.shadow[2] > 0.99,
            "only what is cheaper is explored: {:?}",
            traffic.shadow
        );
        let unknown = [
            contender(0.9, 0.02, 99.0, 100),
            contender(0.85, 0.15, 0.0, 10),
        ];
        assert_eq!(decide(&unknown, &setting).expect("two").incumbent, 0);
    }

    #[test]
    fn a_single_candidate_serves_and_nothing_is_explored() {
        let traffic = decide(&[contender(0.5, 0.1, 0.0, 1)], &quality(None)).expect("one");
        assert_eq!(
            (traffic.probabilities, traffic.shadow),
            (vec![1.0], vec![0.0])
        );
        assert_eq!(decide(&[], &quality(None)), None);
    }
}
