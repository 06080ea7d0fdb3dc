//! What is said of rows that may not be written, or are not there.

use super::script::Steps;
use super::values::Of;
use crate::backend::Session;
use crate::error::{Code, Error, Result};
use crate::plan::WritePlan;
use crate::rules::Change;
use crate::sql::Statement;

impl Steps<'_> {
    pub(super) fn only_readable(&self, plan: &WritePlan) -> Error {
        let verb = match plan.write.change {
            Change::Delete { .. } => "delete",
            _ => "change",
        };
        let role = self.script.principal.role.as_str();
        let name = self.face(plan).name.as_str();
        Error::forbidden(format!("role {role:?} may not {verb} this row of {name:?}"))
    }

    pub(super) fn no_row(&self, plan: &WritePlan) -> Error {
        let name = self.face(plan).name.as_str();
        Error::not_found(Code::ROW_NOT_FOUND, format!("there is no such row in {name:?}"))
    }

    pub(super) fn several(&self, plan: &WritePlan) -> Error {
        let name = self.face(plan).name.as_str();
        let message = format!("several rows of {name:?} are found where one is meant");
        Error::invalid(Code::INVALID_VALUE, message)
    }

    pub(super) fn check_failed(&self, plan: &WritePlan, what: &str) -> Error {
        let role = self.script.principal.role.as_str();
        let name = self.face(plan).name.as_str();
        let message = format!("the {what} row of {name:?} does not satisfy the rule for role {role:?}");
        let mut error = Error::forbidden(message);
        error.code = Code::CHECK_FAILED;
        error
    }

    /// A row stands in the way that the caller may neither change nor read.
    pub(super) fn out_of_reach(&self, plan: &WritePlan) -> Error {
        let role = self.script.principal.role.as_str();
        let name = self.face(plan).name.as_str();
        let message = format!("role {role:?} may not change the row of {name:?} that has the same key");
        Error {
            code: Code::ROW_OUT_OF_REACH,
            ..Error::forbidden(message)
        }
    }

    /// Whether a row that was not changed is there, and the caller may know it.
    pub(super) async fn is_there(
        &mut self,
        session: &mut Session,
        plan: &WritePlan,
        exists: &Statement,
    ) -> Result<bool> {
        let values = self.values(plan, exists, Of::Nothing)?;
        Ok(!session.change(exists, &[values]).await?.rows.is_empty())
    }
}
