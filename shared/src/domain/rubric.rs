//! What replies are judged by: four dimensions that all are judged by, and those that a tenant adds.

use super::constraints::InvalidConstraints;

/// Dimensions that a tenant may add.
pub const MAX_OWN: usize = 4;
/// Characters that may say what the grades of one mean.
pub const MAX_GRADES: usize = 1_000;
/// What a tenant's own dimensions may count for in all: no judge but a model knows them.
pub const MAX_OWN_SHARE: f64 = 0.8;

/// A sum of decimal shares is seldom exact.
const ROUNDING: f64 = 1e-6;

/// What all replies are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Is it about what was asked?
    Relevance,
    /// Does it hang together: whole, well formed, not repeating itself?
    Coherence,
    /// Does it do what was asked, as thoroughly as the question deserves?
    Helpfulness,
    /// Is it free of harm?
    Safety,
}

impl Dimension {
    pub const ALL: [Self; 4] = [
        Self::Relevance,
        Self::Coherence,
        Self::Helpfulness,
        Self::Safety,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Coherence => "coherence",
            Self::Helpfulness => "helpfulness",
            Self::Safety => "safety",
        }
    }

    /// Its share in a score where nobody says otherwise. Relevance and helpfulness are what users rate; safety is nearly
    /// constant for today's models, so that a larger share would only flatten the differences.
    fn share(self) -> f64 {
        match self {
            Self::Relevance | Self::Helpfulness => 0.35,
            Self::Coherence => 0.20,
            Self::Safety => 0.10,
        }
    }
}

/// What one tenant's replies are judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Rubric {
    /// Grows with every change; 0 where the tenant has none.
    pub version: u64,
    /// Of the four, in their order; with those of its own they are 1.
    pub shares: [f64; 4],
    pub own: Vec<OwnDimension>,
}

/// A dimension that a tenant added.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnDimension {
    pub name: String,
    /// What grades from 1 to 5 mean, as a model is told.
    pub grades: String,
    pub share: f64,
}

/// What a tenant says of a dimension: one of its own has `grades`.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub name: String,
    pub grades: Option<String>,
    pub share: f64,
}

impl Default for Rubric {
    fn default() -> Self {
        Self {
            version: 0,
            shares: Dimension::ALL.map(Dimension::share),
            own: Vec::new(),
        }
    }
}

impl Rubric {
    /// Of the four, those that nothing is said of have what is left, in the proportions that they usually have.
    pub fn of(version: u64, said: &[Said]) -> Result<Self, InvalidConstraints> {
        let mut given: [Option<f64>; 4] = [None; 4];
        let mut own: Vec<OwnDimension> = Vec::new();
        for (at, said) in said.iter().enumerate() {
            check_share(at, said.share)?;
            match Dimension::ALL.iter().position(|d| d.name() == said.name) {
                Some(known) => {
                    check_known(at, said, given[known].is_some())?;
                    given[known] = Some(said.share);
                }
                None => own.push(check_own(at, said, &own)?),
            }
        }
        let of_own: f64 = own.iter().map(|own| own.share).sum();
        if own.len() > MAX_OWN || of_own > MAX_OWN_SHARE + ROUNDING {
            let reason = format!(
                "{} dimensions of your own have a share of {of_own}; at most {MAX_OWN} may have {MAX_OWN_SHARE} in all",
                own.len()
            );
            return Err(InvalidConstraints::new(FIELD, reason));
        }
        Ok(Self {
            version,
            shares: rest(given, of_own)?,
            own,
        })
    }

    /// The weighted mean of grades on 0..1; without those of its own dimensions, of the others alone.
    pub fn composite(&self, grades: [f64; 4], own: &[f64]) -> f64 {
        let four: f64 = self.shares.iter().zip(grades).map(|(s, g)| s * g).sum();
        let sum = if own.len() == self.own.len() {
            let own = self.own.iter().zip(own);
            four + own.map(|(own, grade)| own.share * grade).sum::<f64>()
        } else {
            four / self.shares.iter().sum::<f64>()
        };
        sum.clamp(0.0, 1.0)
    }
}

/// The key of the setting.
pub const FIELD: &str = "judge_rubric";

fn invalid(at: usize, key: &str, reason: String) -> InvalidConstraints {
    InvalidConstraints::new(format!("{FIELD}[{at}].{key}"), reason)
}

fn check_share(at: usize, share: f64) -> Result<(), InvalidConstraints> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(invalid(
        at,
        "share",
        format!("{share} is not within 0 to 1"),
    ))
}

fn check_known(at: usize, said: &Said, is_twice: bool) -> Result<(), InvalidConstraints> {
    let name = &said.name;
    if is_twice {
        return Err(invalid(at, "name", format!("{name:?} is there twice")));
    }
    if said.grades.is_some() {
        let reason = format!("what the grades of {name:?} mean is the same for all");
        return Err(invalid(at, "grades", reason));
    }
    Ok(())
}

fn check_own(
    at: usize,
    said: &Said,
    others: &[OwnDimension],
) -> Result<OwnDimension, InvalidConstraints> {
    let Said {
        name,
        grades,
        share,
    } = said;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 32 || !name.chars().all(is_name) {
        let reason = format!("{name:?} is not 1 to 32 characters of a-z, 0-9 and _");
        return Err(invalid(at, "name", reason));
    }
    if others.iter().any(|other| other.name == *name) {
        return Err(invalid(at, "name", format!("{name:?} is there twice")));
    }
    let Some(grades) = grades.as_deref().map(str::trim).filter(|g| !g.is_empty()) else {
        let reason = format!("missing: say what grades from 1 to 5 mean for {name:?}");
        return Err(invalid(at, "grades", reason));
    };
    let length = grades.chars().count();
    if length > MAX_GRADES {
        let reason = format!("{length} characters are more than {MAX_GRADES}");
        return Err(invalid(at, "grades", reason));
    }
    Ok(OwnDimension {
        name: name.clone(),
        grades: grades.to_owned(),
        share: *share,
    })
}

/// The shares of the four, of which some are given.
fn rest(given: [Option<f64>; 4], of_own: f64) -> Result<[f64; 4], InvalidConstraints> {
    let taken = of_own + given.iter().flatten().sum::<f64>();
    let open = Dimension::ALL.iter().zip(given);
    let open: f64 = open
        .filter(|(_, given)| given.is_none())
        .map(|(dimension, _)| dimension.share())
        .sum();
    let is_all_given = given.iter().all(Option::is_some);
    let is_right = if is_all_given {
        (taken - 1.0).abs() < ROUNDING
    } else {
        taken < 1.0 + ROUNDING
    };
    if !is_right {
        let must = if is_all_given { "be 1" } else { "be at most 1" };
        let reason = format!("the shares are {taken} in all, they must {must}");
        return Err(InvalidConstraints::new(FIELD, reason));
    }
    let left = (1.0 - taken).max(0.0);
    let mut shares = [0.0; 4];
    for ((share, dimension), given) in shares.iter_mut().zip(Dimension::ALL).zip(given) {
        *share = given.unwrap_or_else(|| left * dimension.share() / open);
    }
    if shares.iter().sum::<f64>() < 1.0 - MAX_OWN_SHARE - ROUNDING {
        let reason = "relevance, coherence, helpfulness and safety have no share left";
        return Err(InvalidConstraints::new(FIELD, reason));
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, share: f64) -> Said {
        Said {
            name: name.to_owned(),
            grades: None,
            share,
        }
    }

    fn own(name: &str, share: f64) -> Said {
        Said {
            grades: Some("1: rude. 5: kind.".to_owned()),
            ..said(name, share)
        }
    }

    #[test]
    fn what_is_not_said_shares_what_is_left() {
        let rubric = Rubric::of(7, &[said("safety", 0.4), own("voice", 0.15)]).expect("valid");
        let expected = [0.175, 0.1, 0.175, 0.4];
        for (share, expected) in rubric.shares.iter().zip(expected) {
            assert!((share - expected).abs() < 1e-12, "{rubric:?}");
        }
        let whole = rubric.composite([1.0; 4], &[0.0]);
        assert!((whole - 0.85).abs() < 1e-12);
        assert!((rubric.composite([1.0; 4], &[]) - 1.0).abs() < 1e-12);
        assert_eq!(Rubric::of(0, &[]).expect("valid"), Rubric::default());
        let most = [("a", 0.05), ("b", 0.55), ("c", 0.05), ("d", 0.15)];
        let most = most.map(|(name, share)| own(name, share));
        assert!(Rubric::of(1, &most).is_ok(), "0.8 in all");
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let long = Said {
            grades: Some("x".repeat(MAX_GRADES + 1)),
            ..own("voice", 0.1)
        };
        let all = Dimension::ALL.map(|dimension| said(dimension.name(), 0.3));
        let five = ["a", "b", "c", "d", "e"].map(|name| own(name, 0.1));
        for (rubric, expected) in [
            (vec![said("voice", 0.1)], "judge_rubric[0].grades: missing"),
            (vec![own("Voice", 0.1)], "judge_rubric[0].name: \"Voice\""),
            (vec![own("safety", 0.1)], "judge_rubric[0].grades: what"),
            (vec![own("a", 0.1), own("a", 0.1)], "judge_rubric[1].name"),
            (vec![own("a", -0.1)], "judge_rubric[0].share: -0.1"),
            (vec![own("a", f64::NAN)], "judge_rubric[0].share: NaN"),
            (vec![own("a", 0.9)], "judge_rubric: 1 dimensions"),
            (
                vec![own("a", 0.5), said("safety", 0.6)],
                "judge_rubric: the shares are 1.1",
            ),
            (vec![long], "judge_rubric[0].grades: 1001"),
            (all.to_vec(), "judge_rubric: the shares are 1.2"),
            (five.to_vec(), "judge_rubric: 5 dimensions"),
        ] {
            let error = Rubric::of(1, &rubric).expect_err("invalid").to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
