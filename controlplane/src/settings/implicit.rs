//! What of callers' acts counts as evidence, as it is written: a list of names that is replaced as a whole.

use std::sync::Arc;

use floopy_shared::domain::{constraints::InvalidConstraints, implicit::ImplicitKind};

/// The key of the group, whose value is the list.
pub(crate) const IMPLICIT: &str = "implicit_signals";

/// As ranking knows them, if they can be meant; each once, in the order in which they are known.
pub(crate) fn to_domain(names: &[String]) -> Result<Arc<[ImplicitKind]>, InvalidConstraints> {
    for (at, name) in names.iter().enumerate() {
        if ImplicitKind::parse(name).is_none() {
            let known = ImplicitKind::ALL.map(ImplicitKind::as_str).join(", ");
            let reason = format!("{name:?} is not known; known are {known}");
            return Err(InvalidConstraints::new(format!("{IMPLICIT}[{at}]"), reason));
        }
    }
    let is_named = |kind: &ImplicitKind| names.iter().any(|name| name == kind.as_str());
    Ok(ImplicitKind::ALL.into_iter().filter(is_named).collect())
}

/// As they are told.
pub(crate) fn written(kinds: &[ImplicitKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.as_str()).collect()
}
