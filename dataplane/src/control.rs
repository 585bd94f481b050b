//! The proxy's side of the snapshot protocol: what the control plane concludes becomes what calls see.

mod raw;
mod saved;
mod told;
mod watch;

pub(crate) use self::{
    saved::{Saver, load_onto},
    told::Told,
    watch::Watcher,
};
