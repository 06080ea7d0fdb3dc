//! Whether values are what the database takes for their types, asked aside after it has refused a statement that holds them.

use super::{Flavor, Form, Layout, Mark, Shape, Statement, Writer};
use crate::catalog::Catalog;
use crate::request::Formats;
use crate::value::Type;

/// A statement that fails where one of a list of values is not what a mark's place takes (PostgreSQL). The list is its one
/// mark. `None` where nothing can fail that has not been checked before, or where the value is no value of a type (a
/// pattern, a number of rows).
#[must_use]
pub fn probe(catalog: &Catalog, mark: &Mark) -> Option<Statement> {
    let mut writer = Writer::new(catalog, Flavor::Postgres, Formats::default(), false);
    writer.word("SELECT count(s.c");
    match mark.form {
        Form::Stored { table, column } => writer.cast_to(&catalog.table(table).column(column).database_type),
        Form::Plain | Form::Operand if !is_checked(&mark.data_type) => writer.cast_from_text(&mark.data_type, false),
        _ => return None,
    }
    writer.word(") FROM unnest(");
    writer.mark_as_text(&mark.source, &mark.data_type, true, mark.form);
    writer.word(") AS s(c)");
    let (text, marks) = writer.finish();
    let shape = Shape {
        outputs: vec![Layout::Constant(b"0".as_slice().into())],
        ..Shape::default()
    };
    Some(Statement::new(text, marks, shape, false))
}

/// Whether a value of the type has been checked before it was bound.
fn is_checked(data_type: &Type) -> bool {
    !matches!(
        data_type,
        Type::Other(_) | Type::Interval | Type::TimeTz | Type::Numeric
    )
}

#[cfg(test)]
mod tests {
    use super::{Form, Mark, probe};
    use crate::rules::Parameter;
    use crate::rules::fixture;
    use crate::sql::Flavor;
    use crate::value::{Datum, Type};

    #[test]
    fn only_what_may_fail_is_asked() {
        let catalog = fixture::catalog(Flavor::Postgres);
        let text = |data_type: Type, form: Form| {
            let mark = Mark {
                source: Parameter::Constant(Datum::Null),
                data_type,
                list: false,
                form,
            };
            probe(&catalog, &mark).map(|statement| statement.text().to_owned())
        };
        assert_eq!(
            text(Type::Other("inet".into()), Form::Plain).as_deref(),
            Some("SELECT count(s.c::inet) FROM unnest($1::text[]) AS s(c)")
        );
        assert_eq!(text(Type::Integer(32), Form::Plain), None);
        assert_eq!(text(Type::Other("inet".into()), Form::Like), None);
    }
}
