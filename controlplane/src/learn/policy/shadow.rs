//! Who is tried in the shadow: whoever may turn out better, at a price that the tenant agreed to.

use super::{Contender, Goal, Setting, price};

/// Candidates that share the shadow at most; more spread it too thin to learn from.
const ARMS: usize = 4;
/// Observations in this shape up to which a candidate counts as hardly seen. Masked ones always do: they
/// have nowhere else to prove themselves.
const NURSERY_EVIDENCE: f64 = 6.0;
/// Hardly seen candidates that are tried at a time, the most promising first.
const NURSERY_ARMS: usize = 8;
/// Share of the shadow that goes to them while there are any.
const NURSERY_SHARE: f64 = 0.25;
/// Share of the shadow that goes to a baseline that does not serve but that gates compare with.
const BASELINE_SHARE: f64 = 0.25;
/// Softness of the choice between optimistic candidates, in quality: 0.1 apart is a factor of e.
const TEMPERATURE: f64 = 0.1;
/// How much cheaper candidates are preferred: by the square root of the price, half-way between as many tries
/// as for dear ones and as much money as for dear ones.
const PRICE_POWER: f64 = 0.5;
/// Prices are compared down to this share of the incumbent's: below, a try costs nothing anyway.
const LEAST_PRICE: f64 = 0.02;

/// Shadow probabilities, summing to one or, where that would cost more than allowed, to less.
///
/// A part goes to candidates that were hardly seen in this shape, so that one unlucky score cannot shut a good
/// one out for ever; the rest is a softmax over the optimistic ends `q + 2σ` of the most promising. Under a
/// floor only what is cheaper than the incumbent is worth knowing, if there is any.
pub(super) fn shares(contenders: &[Contender], incumbent: usize, setting: &Setting) -> Vec<f64> {
    let arms = promising(contenders, incumbent, setting);
    let mut shares = vec![0.0; contenders.len()];
    let Some(top) = arms.first().map(|i| optimistic(&contenders[*i])) else {
        return shares;
    };
    let cost = |arm: usize| relative_price(&contenders[arm], &contenders[incumbent]);
    let cheap = |arm: usize| cost(arm).max(LEAST_PRICE).powf(-PRICE_POWER);
    let hardly_seen = arms
        .iter()
        .copied()
        .filter(|i| contenders[*i].masked || contenders[*i].estimate.n < NURSERY_EVIDENCE)
        .take(NURSERY_ARMS);
    let nursery: Vec<(usize, f64)> = hardly_seen.map(|arm| (arm, cheap(arm))).collect();
    let gap = |arm: usize| optimistic(&contenders[arm]) - top;
    let best: Vec<(usize, f64)> = arms
        .iter()
        .take(ARMS)
        .map(|arm| (*arm, (gap(*arm) / TEMPERATURE).exp() * cheap(*arm)))
        .collect();
    let part = if nursery.is_empty() {
        0.0
    } else {
        NURSERY_SHARE
    };
    spread(&mut shares, &nursery, part);
    let watched = watched(contenders, incumbent, setting);
    let watch = watched.map_or(0.0, |_| BASELINE_SHARE);
    spread(&mut shares, &best, 1.0 - part - watch);
    if let Some(baseline) = watched {
        shares[baseline] += watch;
    }
    let spend: f64 = (0..shares.len()).map(|i| shares[i] * cost(i)).sum();
    let allowed = setting.shadow_spend / (setting.shadow_rate * spend).max(f64::MIN_POSITIVE);
    for share in &mut shares {
        *share *= allowed.min(1.0);
    }
    shares
}

/// The baseline, where it is to be measured and nobody is served by it.
fn watched(contenders: &[Contender], incumbent: usize, setting: &Setting) -> Option<usize> {
    let baseline = Some(setting.baseline).filter(|i| setting.watches_baseline && *i != incumbent);
    baseline.filter(|i| contenders.get(*i).is_some_and(|c| !c.forbidden))
}

/// Everybody but the incumbent, the most promising first.
fn promising(contenders: &[Contender], incumbent: usize, setting: &Setting) -> Vec<usize> {
    let mut arms: Vec<usize> = (0..contenders.len())
        .filter(|i| *i != incumbent && !contenders[*i].forbidden)
        .collect();
    if matches!(setting.goal, Goal::Floor { .. }) {
        let cheaper = |i: &usize| price(&contenders[*i]) < price(&contenders[incumbent]);
        let cheap: Vec<usize> = arms.iter().copied().filter(cheaper).collect();
        arms = if cheap.is_empty() { arms } else { cheap };
    }
    arms.sort_by(|a, b| optimistic(&contenders[*b]).total_cmp(&optimistic(&contenders[*a])));
    arms
}

fn optimistic(contender: &Contender) -> f64 {
    contender.estimate.q + 2.0 * contender.estimate.v.sqrt()
}

/// Price of a typical call in units of the incumbent's; the same where either is unknown.
#[expect(clippy::cast_precision_loss, reason = "prices of one call")]
fn relative_price(contender: &Contender, incumbent: &Contender) -> f64 {
    match (contender.cost, incumbent.cost) {
        (Some(own), Some(held)) => own.max(1) as f64 / held.max(1) as f64,
        (Some(_) | None, None) | (None, Some(_)) => 1.0,
    }
}

fn spread(shares: &mut [f64], weighted: &[(usize, f64)], part: f64) {
    let sum: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    for (arm, weight) in weighted {
        shares[*arm] += part * weight / sum;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::contender, *};
    use crate::learn::policy::tests::quality;

    #[test]
    fn one_unlucky_score_does_not_shut_a_candidate_out() {
        let mut contenders = vec![contender(0.8, 0.02, 99.0, 9); 6];
        contenders.push(contender(0.5, 0.02, 1.0, 9));
        let found = shares(&contenders, 0, &quality(Some(0)));
        assert!((found[6] - NURSERY_SHARE).abs() < 1e-12, "{found:?}");
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        contenders[6].estimate.n = NURSERY_EVIDENCE;
        let found = shares(&contenders, 0, &quality(Some(0)));
        assert_eq!(found[6], 0.0);
    }

    #[test]
    fn the_shadow_costs_no_more_than_allowed() {
        let contenders = [
            contender(0.8, 0.02, 99.0, 10),
            contender(0.8, 0.10, 99.0, 1_000),
            contender(0.8, 0.10, 99.0, 500),
        ];
        let setting = Setting {
            shadow_rate: 0.1,
            shadow_spend: 0.1,
            ..quality(Some(0))
        };
        let found = shares(&contenders, 0, &setting);
        let spend = 0.1 * (found[1] * 100.0 + found[2] * 50.0);
        assert!((spend - 0.1).abs() < 1e-9, "{found:?}");
        assert!(found[2] > found[1], "the cheaper is tried more: {found:?}");
    }
}
