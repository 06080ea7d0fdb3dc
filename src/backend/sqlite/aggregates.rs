//! Functions.
pub(super) fn register(_connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    Ok(())
}
