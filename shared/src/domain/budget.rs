//! Budgets: what a tenant, a project, a key, a user or a session may spend in a period.
//!
//! What calls spend is booked on accounts. An account belongs to whoever spends and to a kind of calendar span (`Grain`);
//! budgets that look at the same spans of the same spender share it. Each call says which accounts it was booked on, so
//! whoever adds up needs to know nothing of budgets.

mod period;
mod validate;

use uuid::Uuid;

pub use self::{
    period::{Grain, MAX_ROLLING_HOURS, MIN_ROLLING_HOURS, Period},
    validate::{MAX_BUDGETS, MAX_WARN_PERCENT, MAX_WARNINGS, validate},
};

/// At most so much in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub name: String,
    pub by: BudgetBy,
    /// The id of the only one that it holds for; `None`: each has as much.
    pub only: Option<String>,
    pub period: Period,
    pub micro_usd: Option<u64>,
    pub tokens: Option<u64>,
    pub calls: Option<u64>,
    /// Between the first call of a session and its last.
    pub seconds: Option<u64>,
    /// Percentages of a limit at which the tenant is warned, in ascending order.
    pub warn_at: Vec<u8>,
}

/// Whose spending counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetBy {
    /// All of the tenant's.
    Tenant,
    Project,
    Key,
    /// Each end user's, by the caller's own name for them.
    User,
    Session,
}

impl BudgetBy {
    pub const ALL: [Self; 5] = [
        Self::Tenant,
        Self::Project,
        Self::Key,
        Self::User,
        Self::Session,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Project => "project",
            Self::Key => "key",
            Self::User => "user",
            Self::Session => "session",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// What calls spent, or one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spend {
    pub micro_usd: u64,
    pub tokens: u64,
    pub calls: u64,
}

impl Spend {
    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            micro_usd: of(self.micro_usd, other.micro_usd),
            tokens: of(self.tokens, other.tokens),
            calls: of(self.calls, other.calls),
        }
    }

    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What is left without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    /// The most of each: of two reports of what only grows, what is known.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.each(other, u64::max)
    }
}

/// Where spending is booked, within a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    pub by: BudgetBy,
    pub grain: Grain,
    /// Empty for the tenant itself.
    pub subject: String,
}

impl Account {
    /// Which kind of account it is, such as `key-month`.
    pub fn scope(&self) -> String {
        scope(self.by, self.grain)
    }

    /// The account of a subject whose scope is written so.
    pub fn parse(scope: &str, subject: String) -> Option<Self> {
        let (by, grain) = scope.split_once('-')?;
        Some(Self {
            by: BudgetBy::parse(by)?,
            grain: Grain::parse(grain)?,
            subject,
        })
    }
}

fn scope(by: BudgetBy, grain: Grain) -> String {
    format!("{}-{}", by.as_str(), grain.as_str())
}

impl Budget {
    /// The account that it looks at for a subject; `None`: it holds for somebody else.
    pub fn account(&self, subject: String) -> Option<Account> {
        let holds = self.only.as_ref().is_none_or(|only| *only == subject);
        holds.then_some(Account {
            by: self.by,
            grain: self.period.grain(),
            subject,
        })
    }

    /// The scope of its accounts.
    pub fn scope(&self) -> String {
        scope(self.by, self.period.grain())
    }

    /// Its limits, with what of this spending counts against each. How long a session takes is no spending.
    pub fn limits(&self, spent: Spend) -> impl Iterator<Item = (Limit, u64, u64)> {
        let limits = [
            (Limit::Calls, self.calls, spent.calls),
            (Limit::Usd, self.micro_usd, spent.micro_usd),
            (Limit::Tokens, self.tokens, spent.tokens),
        ];
        limits
            .into_iter()
            .filter_map(|(limit, max, spent)| Some((limit, max?, spent)))
    }

    /// Whole percents of the limit that is used up most.
    pub fn used_percent(&self, spent: Spend) -> u64 {
        let percents = self.limits(spent).map(|(_, max, spent)| {
            let percent = u128::from(spent) * 100 / u128::from(max.max(1));
            u64::try_from(percent).unwrap_or(u64::MAX)
        });
        percents.max().unwrap_or(0)
    }
}

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    Usd,
    Tokens,
    Calls,
    Seconds,
}

impl Limit {
    pub const ALL: [Self; 4] = [Self::Usd, Self::Tokens, Self::Calls, Self::Seconds];

    /// The key that sets it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usd => "max_usd",
            Self::Tokens => "max_tokens",
            Self::Calls => "max_calls",
            Self::Seconds => "max_seconds",
        }
    }

    /// Reads that.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What amounts of it are told in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Usd => "micro_usd",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
            Self::Seconds => "seconds",
        }
    }

    /// An amount as people read it: `0.5 USD`, `900 tokens`.
    pub fn say(self, amount: u64) -> String {
        match self {
            Self::Usd => {
                let (whole, part) = (amount / 1_000_000, amount % 1_000_000);
                let text = format!("{whole}.{part:06}");
                let text = text.trim_end_matches('0').trim_end_matches('.');
                format!("{text} USD")
            }
            Self::Tokens | Self::Calls => format!("{amount} {}", self.unit()),
            Self::Seconds => format!("{amount} s"),
        }
    }
}

/// What a call was booked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The books of the proxy that booked it, which outlive its process.
    pub proxy: Uuid,
    pub charges: Vec<Charge>,
}

/// An account, and the span of its grain that the call is booked in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Charge {
    pub account: Account,
    pub bucket: u64,
}

/// A budget that ended a call before anybody was asked: the outcome of an agent that spent what it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub name: String,
    pub account: Account,
    pub limit: Limit,
    pub max: u64,
    pub used: u64,
    /// Set aside for calls that were under way.
    pub held: u64,
    /// What the call was expected to take.
    pub needs: u64,
    /// When the budget has room again, in milliseconds since the epoch; `None`: never for this call.
    pub opens_ms: Option<u64>,
    /// The window that it happened in ([`Period::window`]).
    pub window: u64,
}

impl Stopped {
    /// Whether only calls that are under way are in its way: there may be room in a moment.
    pub fn is_passing(&self) -> bool {
        self.used < self.max && self.used.saturating_add(self.needs) <= self.max
    }

    /// Whether the budget is used up, rather than too small for such a call in any case.
    pub fn is_used_up(&self) -> bool {
        self.used >= self.max || (self.needs <= self.max && !self.is_passing())
    }
}

/// What a proxy, by its books, spent of an account in a span. It only grows, so of two reports the greater one is newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    pub tenant: super::ids::TenantId,
    pub charge: Charge,
    pub proxy: Uuid,
    pub spend: Spend,
    /// When the first of the calls came, in milliseconds since the epoch.
    pub began_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_as_they_are_written() {
        for by in BudgetBy::ALL {
            for grain in Grain::ALL {
                let account = Account {
                    by,
                    grain,
                    subject: "a-b:c".to_owned(),
                };
                let read = Account::parse(&account.scope(), account.subject.clone());
                assert_eq!(read, Some(account));
            }
        }
        for unknown in ["", "key", "key-year", "team-month"] {
            assert_eq!(Account::parse(unknown, String::new()), None, "{unknown}");
        }
    }

    #[test]
    fn amounts_are_said_as_people_read_them() {
        let cases = [
            (Limit::Usd, 0, "0 USD"),
            (Limit::Usd, 20_000_000, "20 USD"),
            (Limit::Usd, 1_050_000, "1.05 USD"),
            (Limit::Usd, 3, "0.000003 USD"),
            (Limit::Tokens, 900, "900 tokens"),
            (Limit::Calls, 100, "100 calls"),
            (Limit::Seconds, 60, "60 s"),
        ];
        for (limit, amount, said) in cases {
            assert_eq!(limit.say(amount), said);
        }
    }
}
