//! Maps of what the operator and the control plane wrote down. Callers put nothing into them, so that a quick hash does:
//! a decision looks some thirty keys up, which std's hash, made for keys of strangers, takes a third of its time for.

use std::collections::HashMap;

/// By names that no stranger chose.
pub type KnownMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
