//! What calls may spend: told by the snapshot, set aside before anybody is asked, booked when a call is over.
//!
//! All of it is in memory, so no call waits. A proxy knows at once what its own calls spent, and keeps that on its disk
//! (`keeper`). What other proxies spent, and it did itself before a crash, it hears from the control plane, which adds up
//! every record, and sooner by Redis where there is one (`fleet`).

mod entry;
mod fleet;
mod keeper;
mod ledger;

use std::{
    io,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use floopy_shared::{
    domain::{
        budget::{BudgetBy, Charge, Charged, Spend, Spent, Stopped},
        decision::Decision,
        ids::TenantId,
        snapshot::Tenant,
    },
    wire::budget::Book,
};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use self::ledger::{Hold, Ledger};
pub(crate) use self::{fleet::Fleet, keeper::Keeper, ledger::Reserved};

/// Longer names of users are booked under their hash.
const MAX_SUBJECT_BYTES: usize = 256;

/// The books of this proxy.
#[derive(Debug)]
pub(crate) struct Budgets {
    ledger: Mutex<Ledger>,
    /// What the control plane is to be asked for next.
    since_ms: AtomicU64,
}

impl Budgets {
    /// The books of the last run; new ones, where there are none or they are damaged. What is lost with them, the
    /// control plane still knows.
    pub(crate) fn open(path: &Path, now_ms: u64) -> Self {
        let book = match std::fs::read(path) {
            Ok(bytes) => Book::decode(&bytes).inspect_err(|error| {
                tracing::warn!(%error, path = %path.display(), "the books of budgets are damaged; new ones are begun");
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::blank()),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the books of budgets cannot be read; new ones are begun");
                Ok(Self::blank())
            }
        };
        let book = book.unwrap_or_else(|_| Self::blank());
        let mut ledger = Ledger::new(book.proxy);
        ledger.hear(book.rows, now_ms);
        Self {
            ledger: Mutex::new(ledger),
            since_ms: AtomicU64::new(book.since_ms),
        }
    }

    fn blank() -> Book {
        Book {
            proxy: Uuid::new_v4(),
            since_ms: 0,
            rows: Vec::new(),
        }
    }

    /// Sets aside what a call is expected to take of the budgets that hold for it; `None`: none does.
    pub(crate) fn reserve(
        &self,
        (tenant, decision): (&Tenant, &Decision),
        user: Option<&str>,
        estimate: Spend,
    ) -> Result<Option<Reserved>, Box<Stopped>> {
        let holds = holds(tenant, decision, user);
        if holds.is_empty() {
            return Ok(None);
        }
        let now_ms = decision.created_at_ms;
        let mut ledger = self.lock();
        let reserved = ledger.reserve(&tenant.id, &holds, estimate, now_ms);
        reserved.map(Some)
    }

    /// What the line of a batch is booked on, by the control plane alone: it may be recorded here more than once.
    pub(crate) fn charged_later(&self, tenant: &Tenant, decision: &Decision) -> Option<Charged> {
        let mut charges = Vec::new();
        for Hold { account, .. } in holds(tenant, decision, None) {
            let bucket = account.grain.bucket(decision.created_at_ms);
            let charge = Charge { account, bucket };
            if !charges.contains(&charge) {
                charges.push(charge);
            }
        }
        let proxy = self.lock().proxy();
        (!charges.is_empty()).then_some(Charged { proxy, charges })
    }

    /// What a call is booked on.
    pub(crate) fn charged(&self, reserved: &Reserved) -> Charged {
        reserved.charged(self.lock().proxy())
    }

    /// Books what a call came to in place of what was set aside for it.
    pub(crate) fn settle(&self, reserved: Reserved, actual: Spend) {
        self.lock().settle(reserved, actual);
    }

    fn hear(&self, rows: Vec<Spent>, now_ms: u64) {
        self.lock().hear(rows, now_ms);
    }

    /// The books, if something is new in them.
    fn changed(&self) -> Option<Book> {
        let mut ledger = self.lock();
        Some(Book {
            rows: ledger.changed()?,
            proxy: ledger.proxy(),
            since_ms: self.since_ms.load(Ordering::Relaxed),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The budgets that hold for a call.
fn holds<'a>(tenant: &'a Tenant, decision: &Decision, user: Option<&str>) -> Vec<Hold<'a>> {
    let budgets = tenant.budgets.iter();
    let holds = budgets.filter_map(|budget| {
        let subject = match budget.by {
            BudgetBy::Tenant => String::new(),
            BudgetBy::Project => decision.project?.to_string(),
            BudgetBy::Key => decision.key_id.clone(),
            BudgetBy::User => user?.to_owned(),
            BudgetBy::Session => decision.session_id.as_ref()?.as_str().to_owned(),
        };
        let mut account = budget.account(subject)?;
        if account.by == BudgetBy::User {
            account.subject = booked_under(account.subject, tenant.zero_retention);
        }
        Some(Hold { budget, account })
    });
    holds.collect()
}

/// What a user is booked under: a hash, where the name is long or nothing of it may be kept.
fn booked_under(user: String, zero_retention: bool) -> String {
    let is_plain = user.len() <= MAX_SUBJECT_BYTES && !user.chars().any(char::is_control);
    if is_plain && !zero_retention {
        user
    } else {
        format!("xxh3:{:032x}", xxh3_128(user.as_bytes()))
    }
}

/// By which all proxies know an account in Redis, without showing who it is of.
fn shared_name(tenant: &TenantId, (scope, subject): (&str, &str)) -> String {
    format!("{tenant}:{scope}:{:032x}", xxh3_128(subject.as_bytes()))
}
