//! Task shapes: how well texts are sorted, what makes two requests one call site, and what always holds.

#[path = "shape/accuracy.rs"]
mod accuracy;
#[path = "shape/features.rs"]
mod features;
#[path = "shape/properties.rs"]
mod properties;
#[path = "shape/sites.rs"]
mod sites;
