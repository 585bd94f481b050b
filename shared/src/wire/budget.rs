//! Budgets, and what was spent of them.

use floopy_proto::v1;
use prost::Message;
use uuid::Uuid;

use super::{InvalidWire, id_bytes, non_empty, ranking, required, uuid};
use crate::domain::budget::{
    Account, Budget, BudgetBy, Charge, Charged, Limit, Period, Spend, Spent, Stopped, validate,
};

impl From<&Budget> for v1::Budget {
    fn from(budget: &Budget) -> Self {
        Self {
            name: budget.name.clone(),
            by: budget.by.as_str().to_owned(),
            only: budget.only.clone().unwrap_or_default(),
            period: budget.period.write(),
            micro_usd: budget.micro_usd,
            tokens: budget.tokens,
            calls: budget.calls,
            seconds: budget.seconds,
            warn_at_percent: budget.warn_at.iter().copied().map(u32::from).collect(),
        }
    }
}

impl TryFrom<v1::Budget> for Budget {
    type Error = InvalidWire;

    fn try_from(budget: v1::Budget) -> Result<Self, InvalidWire> {
        let unknown = |what, value: &str| InvalidWire::invalid(what, format_args!("{value:?}"));
        let percents = budget.warn_at_percent.iter().map(|percent| {
            u8::try_from(*percent).map_err(|_| InvalidWire::invalid("warn_at_percent", percent))
        });
        Ok(Self {
            by: BudgetBy::parse(&budget.by).ok_or_else(|| unknown("by", &budget.by))?,
            period: Period::parse(&budget.period)
                .ok_or_else(|| unknown("period", &budget.period))?,
            warn_at: percents.collect::<Result<_, _>>()?,
            name: budget.name,
            only: non_empty(budget.only),
            micro_usd: budget.micro_usd,
            tokens: budget.tokens,
            calls: budget.calls,
            seconds: budget.seconds,
        })
    }
}

/// All of a tenant's.
pub(super) fn budgets(budgets: Vec<v1::Budget>) -> Result<Vec<Budget>, InvalidWire> {
    let budgets = budgets.into_iter().map(TryInto::try_into);
    let budgets: Vec<Budget> = budgets.collect::<Result<_, _>>()?;
    validate(&budgets).map_err(|e| InvalidWire::invalid("budgets", e))?;
    Ok(budgets)
}

impl From<&Charge> for v1::Charge {
    fn from(charge: &Charge) -> Self {
        Self {
            scope: charge.account.scope(),
            subject: charge.account.subject.clone(),
            bucket: charge.bucket,
        }
    }
}

/// `None`: an account of a kind that nobody here knows yet.
fn charge(charge: v1::Charge) -> Option<Charge> {
    Some(Charge {
        account: Account::parse(&charge.scope, charge.subject)?,
        bucket: charge.bucket,
    })
}

impl From<&Charged> for v1::Charged {
    fn from(charged: &Charged) -> Self {
        Self {
            proxy: id_bytes(charged.proxy),
            charges: charged.charges.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Charged> for Charged {
    type Error = InvalidWire;

    fn try_from(charged: v1::Charged) -> Result<Self, InvalidWire> {
        Ok(Self {
            proxy: uuid(&charged.proxy, "proxy")?,
            charges: charged.charges.into_iter().filter_map(charge).collect(),
        })
    }
}

impl From<&Stopped> for v1::Stopped {
    fn from(stopped: &Stopped) -> Self {
        Self {
            name: stopped.name.clone(),
            scope: stopped.account.scope(),
            subject: stopped.account.subject.clone(),
            limit: stopped.limit.as_str().to_owned(),
            max: stopped.max,
            used: stopped.used,
            held: stopped.held,
            needs: stopped.needs,
            opens_ms: stopped.opens_ms,
            window: stopped.window,
        }
    }
}

/// `None`: a kind of budget that nobody here knows yet.
pub(super) fn stopped(stopped: v1::Stopped) -> Option<Box<Stopped>> {
    Some(Box::new(Stopped {
        name: stopped.name,
        account: Account::parse(&stopped.scope, stopped.subject)?,
        limit: Limit::parse(&stopped.limit)?,
        max: stopped.max,
        used: stopped.used,
        held: stopped.held,
        needs: stopped.needs,
        opens_ms: stopped.opens_ms,
        window: stopped.window,
    }))
}

impl From<&Spent> for v1::SpentRow {
    fn from(spent: &Spent) -> Self {
        Self {
            tenant: spent.tenant.to_string(),
            charge: Some((&spent.charge).into()),
            proxy: id_bytes(spent.proxy),
            micro_usd: spent.spend.micro_usd,
            tokens: spent.spend.tokens,
            calls: spent.spend.calls,
            began_ms: spent.began_ms,
        }
    }
}

/// Rows as they are told. Those of a kind that nobody here knows yet are passed over.
pub fn spent_from_wire(rows: Vec<v1::SpentRow>) -> Result<Vec<Spent>, InvalidWire> {
    let mut spent = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(charge) = charge(required(row.charge, "charge")?) else {
            continue;
        };
        spent.push(Spent {
            tenant: ranking::tenant(&row.tenant)?,
            charge,
            proxy: uuid(&row.proxy, "proxy")?,
            spend: Spend {
                micro_usd: row.micro_usd,
                tokens: row.tokens,
                calls: row.calls,
            },
            began_ms: row.began_ms,
        });
    }
    Ok(spent)
}

/// A proxy's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    pub proxy: Uuid,
    /// What the control plane is to be asked for next.
    pub since_ms: u64,
    pub rows: Vec<Spent>,
}

impl Book {
    /// As it is on the disk.
    pub fn encode(&self) -> Vec<u8> {
        let book = v1::SpentBook {
            proxy: id_bytes(self.proxy),
            since_ms: self.since_ms,
            rows: self.rows.iter().map(Into::into).collect(),
        };
        book.encode_to_vec()
    }

    /// Reads that.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidWire> {
        let book = v1::SpentBook::decode(bytes).map_err(|e| InvalidWire::invalid("book", e))?;
        Ok(Self {
            proxy: uuid(&book.proxy, "proxy")?,
            since_ms: book.since_ms,
            rows: spent_from_wire(book.rows)?,
        })
    }
}
