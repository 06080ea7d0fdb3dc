//! Placeholder.
use crate::{catalog, config::Config};
/// Translates.
pub fn exposure(config: &Config) -> catalog::Settings {
    let _ = config;
    catalog::Settings::default()
}
