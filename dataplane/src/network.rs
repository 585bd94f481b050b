//! Which addresses this proxy may call.

mod guard;

pub(crate) use floopy_shared::network::{Class, Host, class};
pub use floopy_shared::network::{InvalidNetwork, Network};

pub(crate) use self::guard::{Forbidden, Guard};
