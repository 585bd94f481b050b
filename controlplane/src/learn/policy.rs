//! From posteriors to traffic: who serves, who is tried beside it, who steps in, who is tried in the shadow.

mod shadow;

use floopy_shared::domain::{constraints::floor_assurance, gates::Gate, ranking::Role};

use super::{belief::SHARED_BIAS, estimate::Estimate, normal::cdf};

/// What the tenant wants of routing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The best quality.
    Quality,
    /// The cheapest that keeps `floor` times the baseline's quality with this `assurance`.
    Floor { floor: f64, assurance: f64 },
}

/// Difference in units of its own standard deviation from which a challenger replaces the incumbent: it is
/// better with about 69 %. Less switches on noise, more gives away what was learned.
const SWITCH_Z: f64 = 0.5;
/// Observations in this shape without which a candidate gets no live traffic as a canary.
const CANARY_EVIDENCE: f64 = 3.0;
/// How far below the assurance the incumbent of a floor may fall before it is replaced.
const FLOOR_SLACK: f64 = 0.05;
/// Quality that is given up for a better price, and the standard deviations by which it must be no more.
const TIE: f64 = 0.005;
const TIE_Z: f64 = 1.28;
/// Share of the other's price from which a price is better: prices of typical calls are forecasts.
const CHEAPER: f64 = 0.8;

/// One candidate as the policy sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contender {
    pub estimate: Estimate,
    /// Cost of a typical call in micro-USD; `None`: unknown, so never preferred for its price.
    pub cost: Option<u64>,
    pub latency_p95_ms: Option<u64>,
    /// Taken out by a drift monitor: tried in the shadow only, until it has proved itself again.
    pub masked: bool,
    /// What the tenant's constraints forbid whatever the request: never served and never tried.
    pub forbidden: bool,
    /// What it has yet to pass before it may serve instead of the baseline.
    pub gate: Option<Gate>,
}

/// What is known besides the contenders: positions among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    pub goal: Goal,
    /// Who served until now.
    pub incumbent: Option<usize>,
    /// The reference that a floor is measured against.
    pub baseline: usize,
    /// Whether the baseline must be measured also while others serve, so that gates have something to compare with.
    pub watches_baseline: bool,
    pub held: Held,
    /// Share of live traffic that a canary gets.
    pub canary_rate: f64,
    /// Share of live traffic that is explored with, besides the canary; 0: only the shadow explores.
    pub live_exploration: f64,
    /// Share of requests that are tried in the shadow.
    pub shadow_rate: f64,
    /// What the shadow may cost, as a share of what the served replies cost.
    pub shadow_spend: f64,
}

/// Whether who serves may change at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Held {
    Free,
    /// Only by promotions, which say who the canary is, and who serves where the incumbent may not.
    Staged {
        canary: Option<(usize, f64)>,
        back: Option<usize>,
    },
    /// Not at all.
    Pinned(usize),
}

/// Traffic per contender, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    pub incumbent: usize,
    /// Who would serve if that could change at once.
    pub wish: usize,
    pub roles: Vec<Role>,
    pub probabilities: Vec<f64>,
    pub shadow: Vec<f64>,
    /// Incumbent first, then by quality, the masked last.
    pub order: Vec<usize>,
}

/// Decides; `None` where there is no contender.
pub fn decide(contenders: &[Contender], setting: &Setting) -> Option<Traffic> {
    // Where nobody is left, nobody is left out: the proxy knows what to do with each request.
    let all_forbidden = contenders.iter().all(|c| c.forbidden);
    let allowed = |c: &Contender| all_forbidden || !c.forbidden;
    let all_masked = contenders.iter().all(|c| c.masked || !allowed(c));
    let passes = |c: &Contender| allowed(c) && c.gate.is_none();
    let open = |i: &usize| passes(&contenders[*i]) && (all_masked || !contenders[*i].masked);
    let field: Vec<usize> = (0..contenders.len()).filter(open).collect();
    let wish = match setting.goal {
        Goal::Quality => best_with_hysteresis(contenders, &field, setting.incumbent)?,
        Goal::Floor { floor, assurance } => {
            let cheapest = cheapest_above((contenders, &field), setting, (floor, assurance));
            cheapest.or(best(contenders, &field))?
        }
    };
    let incumbent = match setting.held {
        Held::Free => wish,
        Held::Staged { back, .. } => {
            let known = [setting.incumbent, back, Some(setting.baseline)];
            let may = |i: &usize| field.contains(i);
            known.into_iter().flatten().find(may).unwrap_or(wish)
        }
        Held::Pinned(pinned) => pinned,
    };
    let mut traffic = Traffic {
        incumbent,
        wish,
        roles: roles(contenders, all_masked),
        probabilities: vec![0.0; contenders.len()],
        shadow: shadow::shares(contenders, incumbent, setting),
        order: (0..contenders.len()).collect(),
    };
    traffic.roles[incumbent] = Role::Incumbent;
    traffic.probabilities[incumbent] = 1.0;
    traffic.try_live(contenders, &field, setting);
    let roles = traffic.roles.clone();
    traffic.order.sort_by(|a, b| {
        let rank = |i: usize| {
            let contender = &contenders[i];
            let is_last =
                roles[i] == Role::Masked || contender.forbidden || contender.gate.is_some();
            (i != incumbent, is_last)
        };
        let quality = |i: &usize| contenders[*i].estimate.q;
        rank(*a)
            .cmp(&rank(*b))
            .then(quality(b).total_cmp(&quality(a)))
    });
    Some(traffic)
}

fn roles(contenders: &[Contender], all_masked: bool) -> Vec<Role> {
    let role = |c: &Contender| {
        if c.masked && !all_masked {
            Role::Masked
        } else {
            Role::Fallback
        }
    };
    contenders.iter().map(role).collect()
}

impl Traffic {
    /// Gives their shares to those that are tried on live traffic.
    fn try_live(&mut self, contenders: &[Contender], field: &[usize], setting: &Setting) {
        match setting.held {
            // A floor is a promise about every answer: only the shadow explores.
            Held::Free if matches!(setting.goal, Goal::Quality) => {
                let canary = canary(contenders, field, self.incumbent);
                if let Some(canary) = canary.filter(|_| setting.canary_rate > 0.0) {
                    self.hand_over(canary, (Role::Canary, setting.canary_rate));
                }
                explore(self, contenders, setting);
            }
            Held::Staged { canary, .. } => {
                let canary = canary.filter(|(i, share)| field.contains(i) && *share > 0.0);
                if let Some((canary, share)) = canary.filter(|(i, _)| *i != self.incumbent) {
                    self.hand_over(canary, (Role::Canary, share));
                }
            }
            Held::Free | Held::Pinned(_) => {}
        }
    }

    /// Moves a share of the incumbent's traffic.
    fn hand_over(&mut self, to: usize, (role, share): (Role, f64)) {
        self.roles[to] = role;
        self.probabilities[to] += share;
        self.probabilities[self.incumbent] -= share;
    }
}

/// Live exploration: whom the shadow would try, in the open. Off unless the tenant asks for it.
fn explore(traffic: &mut Traffic, contenders: &[Contender], setting: &Setting) {
    let sum: f64 = traffic.shadow.iter().sum();
    if setting.live_exploration <= 0.0 || sum <= 0.0 {
        return;
    }
    for (arm, contender) in contenders.iter().enumerate() {
        let share = setting.live_exploration * traffic.shadow[arm] / sum;
        let is_open = contender.gate.is_none();
        if share > 0.0 && is_open && traffic.roles[arm] == Role::Fallback {
            traffic.hand_over(arm, (Role::Explorer, share));
        }
    }
}

/// By how many of its standard deviations the quality of `a` exceeds that of `b`.
fn z(a: &Estimate, b: &Estimate) -> f64 {
    (a.q - b.q) / (a.v + b.v).sqrt()
}

/// The highest quality; among equals the cheaper one, then the faster, then the earlier.
fn best(contenders: &[Contender], field: &[usize]) -> Option<usize> {
    field.iter().copied().min_by(|a, b| {
        let (a, b) = (&contenders[*a], &contenders[*b]);
        let latency = |c: &Contender| c.latency_p95_ms.unwrap_or(u64::MAX);
        b.estimate
            .q
            .total_cmp(&a.estimate.q)
            .then(price(a).cmp(&price(b)))
            .then(latency(a).cmp(&latency(b)))
    })
}

/// What sorts by price: the unknown last.
fn price(contender: &Contender) -> u64 {
    contender.cost.unwrap_or(u64::MAX)
}

fn best_with_hysteresis(
    contenders: &[Contender],
    field: &[usize],
    incumbent: Option<usize>,
) -> Option<usize> {
    let Some(held) = incumbent.filter(|i| field.contains(i)) else {
        return best(contenders, field);
    };
    let lead = |i: &usize| z(&contenders[*i].estimate, &contenders[held].estimate);
    let better = field
        .iter()
        .copied()
        .filter(|i| lead(i) >= SWITCH_Z && !is_as_good_for_less(&contenders[held], &contenders[*i]))
        .max_by(|a, b| lead(a).total_cmp(&lead(b)));
    let cheaper = || {
        let as_good = |i: &usize| is_as_good_for_less(&contenders[*i], &contenders[held]);
        let as_good = field.iter().copied().filter(as_good);
        as_good.min_by_key(|i| price(&contenders[*i]))
    };
    Some(better.or_else(cheaper).unwrap_or(held))
}

/// Quality comes first, then the price: whether `a` costs clearly less than `b` and gives up nothing that
/// anybody would notice. Never true both ways, so nobody goes back and forth.
fn is_as_good_for_less(a: &Contender, b: &Contender) -> bool {
    let (Some(cost), Some(other)) = (a.cost, b.cost) else {
        return false;
    };
    #[expect(clippy::cast_precision_loss, reason = "prices of one call")]
    let is_cheaper = (cost as f64) < CHEAPER * other as f64;
    let sd = (a.estimate.v + b.estimate.v).sqrt();
    is_cheaper && (a.estimate.q - b.estimate.q + TIE) / sd >= TIE_Z
}

/// The challenger that is probably no worse but not yet clearly better.
fn canary(contenders: &[Contender], field: &[usize], incumbent: usize) -> Option<usize> {
    let lead = |i: &usize| z(&contenders[*i].estimate, &contenders[incumbent].estimate);
    field
        .iter()
        .copied()
        .filter(|i| *i != incumbent && contenders[*i].estimate.n >= CANARY_EVIDENCE)
        .filter(|i| (0.0..SWITCH_Z).contains(&lead(i)))
        .max_by(|a, b| lead(a).total_cmp(&lead(b)))
}

/// How sure it is that `a` has at least `floor` times the quality of `b`, both normal and independent, each with
/// the error that no number of replies removes.
pub fn p_floor(a: &Estimate, b: &Estimate, floor: f64) -> f64 {
    let bias = SHARED_BIAS * SHARED_BIAS;
    let at_least = |share: f64| {
        let variance = a.v + bias + share * share * (b.v + bias);
        cdf((a.q - share * b.q) / variance.sqrt())
    };
    floor_assurance(at_least, floor)
}

/// Whom a floor is measured against: the baseline. While an alarm has it demoted, what is left of it would be no
/// floor at all, right or wrong as the alarm may be: then it is the best of the others, where that is better.
pub fn reference(contenders: &[Contender], baseline: usize) -> usize {
    if !contenders.get(baseline).is_some_and(|c| c.masked) {
        return baseline;
    }
    let open = (0..contenders.len()).filter(|i| !contenders[*i].masked || *i == baseline);
    let quality = |i: &usize| contenders[*i].estimate.q;
    open.max_by(|a, b| quality(a).total_cmp(&quality(b)))
        .unwrap_or(baseline)
}

fn cheapest_above(
    (contenders, field): (&[Contender], &[usize]),
    setting: &Setting,
    (floor, assurance): (f64, f64),
) -> Option<usize> {
    let against = contenders.get(reference(contenders, setting.baseline))?;
    let keeps = |i: usize| {
        let needed = if setting.incumbent == Some(i) {
            assurance - FLOOR_SLACK
        } else {
            assurance
        };
        i == setting.baseline
            || p_floor(&contenders[i].estimate, &against.estimate, floor) >= needed
    };
    field.iter().copied().filter(|i| keeps(*i)).min_by(|a, b| {
        // The baseline stands in where nothing cheaper keeps the floor; an unknown price is never cheaper.
        let key = |i: usize| (price(&contenders[i]), setting.incumbent != Some(i));
        key(*a).cmp(&key(*b))
    })
}

#[cfg(test)]
mod tests;
