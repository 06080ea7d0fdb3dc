//! x
use super::*;
use std::path::PathBuf;
/// x
pub struct LoadOptions {
    /// x
    pub file: Option<PathBuf>,
    /// x
    pub environment: Vec<(String, String)>,
}
/// x
pub struct Loaded {
    /// x
    pub config: Config,
    /// x
    pub file: Option<PathBuf>,
    /// x
    pub warnings: Vec<String>,
}
/// x
pub fn load(o: &LoadOptions) -> Result<Loaded, Vec<String>> {
    let config = match &o.file { None => Config::default(), Some(f) => toml::from_str(&std::fs::read_to_string(f).map_err(|e| vec![e.to_string()])?).map_err(|e| vec![e.to_string()])? };
    Ok(Loaded { config, file: o.file.clone(), warnings: vec![] })
}
