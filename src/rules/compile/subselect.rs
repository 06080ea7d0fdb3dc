//! `EXISTS (SELECT …)` and `x IN (SELECT …)`: the inner tables are seen whole, exposed or not, system tables apart.

use super::names::{Frame, nest, suggestion};
use super::operand::Operand;
use super::{Compiler, Problem, conjunction, disjunction};
use crate::catalog::TableId;
use crate::request::Comparison;
use crate::rules::syntax::{Expression, Subselect, TableReference};
use crate::rules::types::is_nullable;
use crate::rules::{Predicate, Term};

impl Compiler<'_> {
    pub(super) fn exists(&mut self, select: &Subselect) -> Result<Predicate, Problem> {
        self.within(select, |compiler| compiler.conditions(select))
    }

    /// `x IN (SELECT c FROM t WHERE w)` is `EXISTS (t WHERE w AND x = c)`. Where nothing matches, but some row's
    /// comparison is unknown, so is the whole: that matters only below a NOT (`exact`).
    pub(super) fn in_select(
        &mut self,
        left: &Expression,
        select: &Subselect,
        negated: bool,
        exact: bool,
    ) -> Result<Predicate, Problem> {
        let Some(value) = &select.value else {
            return Err(Problem::new(select.at, "the SELECT behind IN gives one column"));
        };
        let outer = self.frames.len();
        let mut doubtful = Vec::new();
        let matched = self.within(select, |compiler| {
            let conditions = compiler.conditions(select)?;
            let (tested, value) = compiler.both(left, value, outer)?;
            for operand in [&tested, &value] {
                if let Operand::Typed(term) = operand
                    && is_nullable(compiler.catalog, term)
                {
                    doubtful.push(Predicate::IsNull {
                        term: term.clone(),
                        null: true,
                    });
                }
            }
            let equal = compiler.compare_operands(value, Comparison::Equal, tested)?;
            Ok(conjunction([conditions, equal]))
        })?;
        if !(exact || negated) {
            return Ok(matched);
        }
        let result = if doubtful.is_empty() {
            matched
        } else {
            let unknown = self.within(select, |compiler| {
                Ok(conjunction([compiler.conditions(select)?, disjunction(doubtful)]))
            })?;
            disjunction([matched, Predicate::And(vec![unknown, Predicate::UNKNOWN])])
        };
        Ok(if negated { result.negate() } else { result })
    }

    /// The tested value, whose names are those outside, and the selected one.
    fn both(&mut self, left: &Expression, value: &Expression, outer: usize) -> Result<(Operand, Operand), Problem> {
        let selected = self.operand(value)?;
        if !matches!(selected, Operand::Typed(Term::Column { .. })) {
            return Err(Problem::new(value.at, "the SELECT behind IN gives a column"));
        }
        let hidden = self.hidden_from.replace(outer);
        let tested = self.operand(left);
        self.hidden_from = hidden;
        Ok((tested?, selected))
    }

    fn conditions(&mut self, select: &Subselect) -> Result<Predicate, Problem> {
        Ok(conjunction(self.predicates(&select.conditions, false)?))
    }

    /// Something within the rows of a FROM.
    fn within(
        &mut self,
        select: &Subselect,
        make: impl FnOnce(&mut Self) -> Result<Predicate, Problem>,
    ) -> Result<Predicate, Problem> {
        let frames = self.frames.len();
        self.groups += 1;
        let group = self.groups;
        let mut levels = Vec::with_capacity(select.tables.len());
        for reference in &select.tables {
            let table = self.table(reference)?;
            let face = self
                .catalog
                .faces
                .iter()
                .find(|face| face.table == table)
                .map(|face| face.id);
            let names = match &reference.alias {
                Some(alias) => vec![alias.text.clone()],
                None => vec![reference.name.text.clone()],
            };
            self.reads.insert(table);
            self.frames.push(Frame {
                table,
                face,
                names,
                group,
            });
            levels.push((table, Predicate::TRUE));
        }
        let inner = make(self)?;
        self.frames.truncate(frames);
        Ok(nest(levels, inner))
    }

    fn table(&self, reference: &TableReference) -> Result<TableId, Problem> {
        let database = &self.catalog.database;
        let schema = reference.schema.as_ref().map(|schema| schema.text.as_str());
        let name = &reference.name;
        // A table's own face says which one an unqualified name means.
        let by_entry = || {
            let face =
                self.catalog.faces.iter().find(|face| {
                    face.entry == name.text && self.catalog.table(face.table).name.as_str() == name.text
                })?;
            Some(face.table)
        };
        let exact = match schema {
            None => by_entry().or_else(|| database.table_named(None, &name.text)),
            Some(schema) => database.table_named(Some(schema), &name.text),
        };
        let found = exact.or_else(|| {
            if name.quoted {
                return None;
            }
            let mut similar = database.tables.iter().zip(0..).filter(|(table, _)| {
                table.name.as_str().eq_ignore_ascii_case(&name.text)
                    && schema.is_none_or(|schema| {
                        table
                            .schema
                            .as_ref()
                            .is_some_and(|own| own.as_str().eq_ignore_ascii_case(schema))
                    })
            });
            match (similar.next(), similar.next()) {
                (Some((_, index)), None) => Some(TableId(index)),
                _ => None,
            }
        });
        found.filter(|table| !self.catalog.table(*table).system).ok_or_else(|| {
            let names = database
                .tables
                .iter()
                .filter(|table| !table.system)
                .map(|table| table.name.as_str());
            let exposed = self
                .catalog
                .face_named(&name.text)
                .filter(|face| !self.catalog.table(face.table).system)
                .map(|face| {
                    let own = self.catalog.table(face.table).name.as_str();
                    format!("; rules use the database's own names, so write {own:?}")
                });
            Problem::new(
                name.at,
                format!(
                    "unknown table {:?}{}",
                    name.text,
                    exposed.unwrap_or_else(|| suggestion(&name.text, names))
                ),
            )
        })
    }
}
