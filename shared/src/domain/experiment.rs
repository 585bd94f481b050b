//! Experiments: a second rule takes its share of the calls that follow a first one, session by session.
//!
//! Who gets which is a hash of the experiment and the session, so every proxy says the same without shared state,
//! a session keeps its variant, and a record tells enough to find it again. What a variant then serves is decided as
//! by any rule: its probabilities are those given the variant, and times [`Assignment::probability`] those of both.

use std::borrow::Cow;

use uuid::{Uuid, fmt::Hyphenated};

use super::{
    draw::{DrawKey, Purpose},
    ids::{RequestId, SessionId},
    rule::{InvalidRule, Routing, invalid},
};

/// Which of the two rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// The one that calls followed before.
    A,
    /// The one that is tried.
    B,
}

impl Variant {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// What the second variant gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// Its share of the sessions, which it serves.
    Canary,
    /// Copies of its share of the calls, whose replies nobody sees.
    Shadow,
}

impl Arrangement {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Shadow => "shadow",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Canary, Self::Shadow]
            .into_iter()
            .find(|known| known.as_str() == name)
    }
}

/// Whose calls take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that follow the first rule.
    Rule,
    /// Those that name no rule, too: they follow the first one, whatever the tenant's default is.
    Unnamed,
}

/// An experiment under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    pub id: Uuid,
    /// The name of the rule whose calls are shared.
    pub a: String,
    /// The name of the rule that gets its share of them.
    pub b: String,
    /// The share of B, from 0 to 100.
    pub percentage: u8,
    pub arrangement: Arrangement,
    pub scope: Scope,
}

/// What an experiment made of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    pub experiment: Uuid,
    pub variant: Variant,
    pub percentage: u8,
    pub arrangement: Arrangement,
}

/// What is given to a variant as a whole: a session, or a call without one.
pub fn unit(session: Option<&SessionId>, request: RequestId) -> Cow<'_, str> {
    match session {
        Some(session) => Cow::Borrowed(session.as_str()),
        None => Cow::Owned(request.to_string()),
    }
}

/// Which variant a unit falls to.
fn draw(experiment: Uuid, percentage: u8, unit: &str) -> Variant {
    let mut text = [0; Hyphenated::LENGTH];
    let key = DrawKey {
        session: unit,
        shape: experiment.hyphenated().encode_lower(&mut text),
        purpose: Purpose::Experiment,
    };
    if key.unit() < f64::from(percentage) / 100.0 {
        Variant::B
    } else {
        Variant::A
    }
}

impl Experiment {
    /// Which variant serves a unit.
    pub fn assign(&self, unit: &str) -> Assignment {
        let variant = match self.arrangement {
            Arrangement::Canary => draw(self.id, self.percentage, unit),
            Arrangement::Shadow => Variant::A,
        };
        Assignment {
            experiment: self.id,
            variant,
            percentage: self.percentage,
            arrangement: self.arrangement,
        }
    }

    /// Whether a copy of this call goes to B: drawn for each call anew, as all shadows are.
    pub fn copies(&self, request: RequestId) -> bool {
        self.arrangement == Arrangement::Shadow
            && draw(self.id, self.percentage, &request.to_string()) == Variant::B
    }

    /// The name of the rule of a variant.
    pub fn rule(&self, variant: Variant) -> &str {
        match variant {
            Variant::A => &self.a,
            Variant::B => &self.b,
        }
    }
}

impl Assignment {
    /// The probability with which a call gets this variant. Of a copy: that it is made at all.
    pub fn probability(&self) -> f64 {
        let share = f64::from(self.percentage) / 100.0;
        match (self.arrangement, self.variant) {
            (Arrangement::Canary | Arrangement::Shadow, Variant::B) => share,
            (Arrangement::Canary, Variant::A) => 1.0 - share,
            (Arrangement::Shadow, Variant::A) => 1.0,
        }
    }

    /// The same assignment, found again from what a record tells of a served call.
    pub fn again(&self, session: Option<&SessionId>, request: RequestId) -> Self {
        let variant = match self.arrangement {
            Arrangement::Canary => draw(self.experiment, self.percentage, &unit(session, request)),
            Arrangement::Shadow => Variant::A,
        };
        Self { variant, ..*self }
    }

    /// That of a copy of the call.
    pub fn copied(self) -> Self {
        match self.arrangement {
            Arrangement::Canary => self,
            Arrangement::Shadow => Self {
                variant: Variant::B,
                ..self
            },
        }
    }
}

impl Routing {
    /// The experiment whose first rule this is.
    pub fn experiment_on(&self, rule: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|e| e.a == rule)
    }

    /// The one that decides on calls that name no rule.
    pub fn unnamed_experiment(&self) -> Option<&Experiment> {
        self.experiments.iter().find(|e| e.scope == Scope::Unnamed)
    }

    /// Refuses experiments that no rules belong to or that share calls with each other.
    pub(super) fn check_experiments(&self) -> Result<(), InvalidRule> {
        for (index, experiment) in self.experiments.iter().enumerate() {
            let field = |name: &str| format!("experiments[{index}].{name}");
            if experiment.percentage > 100 {
                let reason = format!("{} is not allowed; at most 100 is", experiment.percentage);
                return invalid(field("percentage"), reason);
            }
            let earlier = &self.experiments[..index];
            for (name, rule) in [("a", &experiment.a), ("b", &experiment.b)] {
                if self.find(rule).is_none() {
                    return invalid(field(name), format!("no rule is named {rule:?}"));
                }
                if earlier.iter().any(|e| e.a == *rule || e.b == *rule) {
                    let reason = format!("{rule:?} is a variant of an earlier experiment");
                    return invalid(field(name), reason);
                }
            }
            if experiment.a == experiment.b {
                let reason = format!("{:?} is both variants", experiment.b);
                return invalid(field("b"), reason);
            }
            if experiment.scope == Scope::Unnamed
                && earlier.iter().any(|e| e.scope == Scope::Unnamed)
            {
                let reason = "an earlier experiment decides on calls that name no rule".to_owned();
                return invalid(field("scope"), reason);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{decision::Strategy, ids::CandidateKey, rule::Rule};

    fn experiment(percentage: u8, arrangement: Arrangement) -> Experiment {
        Experiment {
            id: Uuid::from_u128(7),
            a: "a".into(),
            b: "b".into(),
            percentage,
            arrangement,
            scope: Scope::Rule,
        }
    }

    /// How many of 20,000 sessions get B.
    fn share(percentage: u8) -> f64 {
        let experiment = experiment(percentage, Arrangement::Canary);
        let sessions = (0..20_000).map(|n| format!("s{n}"));
        let got = sessions.filter(|s| experiment.assign(s).variant == Variant::B);
        got.count() as f64 / 20_000.0
    }

    #[test]
    fn sessions_are_split_as_the_percentage_says() {
        assert!((share(0), share(100)) == (0.0, 1.0));
        for percentage in [1, 10, 50, 90] {
            let p = f64::from(percentage) / 100.0;
            // Five standard deviations of a binomial.
            let tolerance = 5.0 * (p * (1.0 - p) / 20_000.0).sqrt();
            let got = share(percentage);
            assert!((got - p).abs() < tolerance, "{got} for {p}");
        }
    }

    #[test]
    fn more_for_b_takes_sessions_from_a_and_gives_none_back() {
        for n in 0..5_000 {
            let at = |p| {
                experiment(p, Arrangement::Canary)
                    .assign(&format!("s{n}"))
                    .variant
            };
            assert!(at(20) == Variant::A || at(60) == Variant::B, "s{n}");
        }
    }

    #[test]
    fn two_experiments_split_the_same_sessions_independently() {
        let one = experiment(50, Arrangement::Canary);
        let other = Experiment {
            id: Uuid::from_u128(8),
            ..one.clone()
        };
        let same = (0..20_000).map(|n| format!("s{n}"));
        let same = same
            .filter(|s| one.assign(s).variant == other.assign(s).variant)
            .count();
        assert!((9_600..10_400).contains(&same), "{same} of 20,000 agree");
    }

    #[test]
    fn an_assignment_is_found_again_and_its_probabilities_sum_to_one() {
        let experiment = experiment(30, Arrangement::Canary);
        for n in 0..1_000 {
            let request = RequestId(Uuid::from_u128(n));
            let session = n
                .is_multiple_of(2)
                .then(|| SessionId::new(&format!("s{n}")).expect("valid"));
            let given = experiment.assign(&unit(session.as_ref(), request));
            assert_eq!(given.again(session.as_ref(), request), given);
            let other = Assignment {
                variant: if given.variant == Variant::A {
                    Variant::B
                } else {
                    Variant::A
                },
                ..given
            };
            assert!((given.probability() + other.probability() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn in_the_shadow_a_serves_everybody_and_b_gets_copies_of_its_share() {
        let experiment = experiment(30, Arrangement::Shadow);
        let requests = (0..20_000).map(|n| RequestId(Uuid::from_u128(n)));
        let copies = requests.clone().filter(|r| experiment.copies(*r)).count();
        // Five standard deviations.
        assert!((5_675..6_325).contains(&copies), "{copies} of 20,000");
        for request in requests.take(100) {
            let served = experiment.assign(&request.to_string());
            assert_eq!((served.variant, served.probability()), (Variant::A, 1.0));
            let copy = served.copied();
            assert_eq!((copy.variant, copy.probability()), (Variant::B, 0.3));
        }
    }

    #[test]
    fn experiments_that_share_calls_or_lack_rules_are_refused() {
        let rule = |name: &str| Rule {
            id: String::new(),
            name: name.into(),
            strategy: Strategy::LegacyModel,
            models: vec![CandidateKey::parse("p/m").expect("valid")],
            weights: Vec::new(),
            min_quality: None,
        };
        let check = |experiments: Vec<Experiment>| {
            let routing = Routing {
                rules: ["a", "b", "c", "d"].map(rule).to_vec(),
                experiments,
                ..Routing::default()
            };
            routing.validate().map_err(|e| e.to_string())
        };
        let usual = || experiment(50, Arrangement::Canary);
        let on = |a: &str, b: &str, scope| Experiment {
            a: a.into(),
            b: b.into(),
            scope,
            ..usual()
        };
        let cases = [
            (
                vec![Experiment {
                    percentage: 101,
                    ..usual()
                }],
                "experiments[0].percentage: 101",
            ),
            (
                vec![on("x", "b", Scope::Rule)],
                "experiments[0].a: no rule is named \"x\"",
            ),
            (
                vec![on("a", "a", Scope::Rule)],
                "experiments[0].b: \"a\" is both variants",
            ),
            (
                vec![usual(), on("c", "a", Scope::Rule)],
                "experiments[1].b: \"a\" is a variant",
            ),
            (
                vec![on("a", "b", Scope::Unnamed), on("c", "d", Scope::Unnamed)],
                "experiments[1].scope: an earlier",
            ),
        ];
        for (experiments, expected) in cases {
            let error = check(experiments).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(check(vec![usual(), on("c", "d", Scope::Unnamed)]), Ok(()));
    }
}
